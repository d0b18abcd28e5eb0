"""The filters of `logs get`: which entries match, and what in them did.

Pure. Commas inside one --filter mean "or", several --filter mean "and". An element with `=` asks a
field, any other is a regular expression on the whole line. Grammar of the official client.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from greendock.cli.errors import ArgumentsError
from greendock.cli.logs.entry import Entry

LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")


class Pattern(NamedTuple):
    """A regular expression somewhere in the line."""

    expression: re.Pattern[str]

    def matches(self, entry: Entry) -> bool:
        return self.expression.search(entry.raw) is not None


class AtLeast(NamedTuple):
    """`level=WARN`: that level or a higher one."""

    level: str

    def matches(self, entry: Entry) -> bool:
        level = (entry.level or "").upper()
        return level in LEVELS and LEVELS.index(level) >= LEVELS.index(self.level)


class Cause(NamedTuple):
    """`error=any`, or `error=TEXT` for a cause that has the text in it."""

    text: str

    def matches(self, entry: Entry) -> bool:
        if not entry.cause:
            return False
        return self.text == "any" or self.text in str(entry.cause)


class Field(NamedTuple):
    """`name=value`, looked for in the entry and then in its contexts."""

    name: str
    value: str

    def matches(self, entry: Entry) -> bool:
        found = entry.fields.get(self.name)
        if found is None:
            found = entry.contexts.get(self.name)
        return found is not None and str(found) == self.value


Condition = Pattern | AtLeast | Cause | Field


class Query(NamedTuple):
    """Every group has to have a condition that matches."""

    groups: tuple[tuple[Condition, ...], ...] = ()

    def matches(self, entry: Entry) -> bool:
        return all(any(each.matches(entry) for each in group) for group in self.groups)

    def highlights(self) -> list[re.Pattern[str]]:
        """What to colour in the lines that are shown."""
        found = (_visible(each) for group in self.groups for each in group)
        return [pattern for pattern in found if pattern is not None]


def parse_filters(filters: Sequence[str]) -> Query:
    """Raises ArgumentsError for an expression or a level that is not valid."""
    groups = []
    for text in filters:
        elements = [element.strip() for element in text.split(",")]
        groups.append(tuple(_condition(element) for element in elements if element))
    return Query(tuple(group for group in groups if group))


def _condition(element: str) -> Condition:
    name, separator, value = element.partition("=")
    if not separator:
        try:
            return Pattern(re.compile(element))
        except re.error as error:
            raise ArgumentsError(
                f"cannot understand --filter {element}: not a regular expression: {error}"
            ) from error
    name, value = name.strip(), value.strip()
    if name == "level":
        if value.upper() not in LEVELS:
            raise ArgumentsError(
                f"cannot understand --filter {element}: the levels are {', '.join(LEVELS)}"
            )
        return AtLeast(value.upper())
    return Cause(value) if name == "error" else Field(name, value)


def _visible(condition: Condition) -> re.Pattern[str] | None:
    if isinstance(condition, Pattern):
        return condition.expression
    if isinstance(condition, AtLeast):
        higher = "|".join(LEVELS[LEVELS.index(condition.level) :])
        return re.compile(rf"(?<=\[)(?:{higher})(?=\])")
    text = condition.text if isinstance(condition, Cause) else condition.value
    is_any = isinstance(condition, Cause) and text == "any"
    return re.compile(re.escape(text)) if text and not is_any else None
