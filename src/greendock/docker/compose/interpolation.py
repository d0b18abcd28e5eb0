"""Variables in compose files and in the words of scripts: `${NAME:-default}` and its like.

Pure. As compose does it: a variable that is not set is empty, a required one is an error then.
Called while compose files and the scripts that name them are read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = (":-", ":?", ":+", "-", "?", "+")
_DEEPEST = 20


class InterpolationError(ValueError):
    """The text can't be filled in; says why."""


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Raises InterpolationError: a required variable is missing, or the text is malformed."""
    return _filled(text, variables, 0)


def _filled(text: str, variables: Mapping[str, str], depth: int) -> str:
    if depth > _DEEPEST:
        raise InterpolationError("variables stand within variables too often")
    parts: list[str] = []
    at = 0
    while (sign := text.find("$", at)) >= 0:
        parts.append(text[at:sign])
        following = text[sign + 1 : sign + 2]
        if following == "$":
            parts.append("$")
            at = sign + 2
        elif following == "{":
            end = _closed(text, sign + 1)
            parts.append(_value(text[sign + 2 : end], variables, depth))
            at = end + 1
        elif name := _NAME.match(text, sign + 1):
            parts.append(variables.get(name.group(), ""))
            at = name.end()
        else:
            raise InterpolationError(f"{text!r} has a $ that begins no variable")
    return "".join((*parts, text[at:]))


def _closed(text: str, at: int) -> int:
    """Where the bracket that opens at `at` closes."""
    depth = 0
    for index in range(at, len(text)):
        if text[index] == "{" and text[index - 1] == "$":
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if depth == 0:
                return index
    raise InterpolationError(f"{text!r} has a ${{ that nothing closes")


def _value(inside: str, variables: Mapping[str, str], depth: int) -> str:
    name = _NAME.match(inside)
    if name is None:
        raise InterpolationError(f"${{{inside}}} names no variable")
    value, rest = variables.get(name.group()), inside[name.end() :]
    if not rest:
        return value or ""
    operator = next((each for each in _OPERATORS if rest.startswith(each)), None)
    if operator is None:
        raise InterpolationError(f"${{{inside}}} is no variable")
    other = rest[len(operator) :]
    is_there = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("+"):
        return _filled(other, variables, depth + 1) if is_there else ""
    if is_there:
        return value or ""
    if operator.endswith("-"):
        return _filled(other, variables, depth + 1)
    raise InterpolationError(f"it needs the variable {name.group()}, which is not set")
