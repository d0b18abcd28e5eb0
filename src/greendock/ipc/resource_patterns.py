"""Patterns of resources in policies: the wildcard `*`, its escapes, and MQTT wildcards of topics.

Pure. `+` and `#` are wildcards only where the resource is a topic of AWS IoT Core, and only where
they fill a level: `+` one level, `#` at the end the rest and also the parent. Anywhere else they
are themselves. Used by authorization.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pattern:
    """A resource pattern, cut at its wildcards: `a*b` is ("a", "b"). No wildcard: one part."""

    parts: tuple[str, ...]
    topic: TopicPattern | None = field(default=None, compare=False)
    """None: it has no MQTT wildcards."""

    def matches(self, resource: str, *, is_topic: bool = False) -> bool:
        """Over the whole text, case-sensitive, in time linear in it for each part."""
        if is_topic and self.topic is not None:
            return self.topic.matches(resource)
        first, *rest = self.parts
        if not rest:
            return resource == first
        *middle, last = rest
        if not resource.startswith(first):
            return False
        position = len(first)
        for part in middle:
            found = resource.find(part, position)
            if found < 0:
                return False
            position = found + len(part)
        return len(resource) - len(last) >= position and resource.endswith(last)


@dataclass(frozen=True, slots=True)
class TopicPattern:
    """The same with MQTT wildcards: each part is an expression in which nothing can match in two
    ways, so that the leftmost match of a part is also the one that leaves most to the next."""

    first: re.Pattern[str]
    rest: tuple[re.Pattern[str], ...]

    def matches(self, resource: str) -> bool:
        found = self.first.match(resource)
        for part in self.rest:
            if found is None:
                return False
            found = part.search(resource, found.end())
        return found is not None


def parse_pattern(text: str) -> Pattern | None:
    """`*` stands for any characters, `${*}`, `${?}` and `${$}` for the character itself.

    None when it is not valid: a bare `?`, another `${x}`, an unfinished `${`.
    """
    parts = [""]
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if character == "*":
            parts.append("")
            continue
        if character == "?":
            return None
        if character == "$" and text[position : position + 1] == "{":
            escape = text[position : position + 3]
            if escape not in ("{*}", "{?}", "{$}"):
                return None
            character = escape[1]
            position += 3
        parts[-1] += character
    return Pattern(tuple(parts), _topic_pattern(parts))


def _topic_pattern(parts: list[str]) -> TopicPattern | None:
    if not any(sign in part for part in parts for sign in "+#"):
        return None
    last = len(parts) - 1
    expressions = [
        _expression(part, opens=number == 0, closes=number == last)
        for number, part in enumerate(parts)
    ]
    expressions[-1] += r"\Z"
    first, *rest = (re.compile(expression, re.DOTALL) for expression in expressions)
    return TopicPattern(first, tuple(rest))


def _expression(part: str, *, opens: bool, closes: bool) -> str:
    """Of a part that is the first (`opens`) or the last (`closes`) of its pattern."""
    levels = part.split("/")
    whole = [
        (number > 0 or opens) and (number < len(levels) - 1 or closes)
        for number in range(len(levels))
    ]
    ending = ""
    if closes and levels[-1] == "#" and whole[-1]:
        if len(levels) == 1:
            return ".*"
        levels.pop()
        ending = "(?:/.*)?"
    return (
        "/".join(
            "[^/]*" if level == "+" and fills else re.escape(level)
            for level, fills in zip(levels, whole, strict=False)
        )
        + ending
    )
