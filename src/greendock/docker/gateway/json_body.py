"""JSON bodies as Go's encoding/json reads them, rebuilt so that only one reading is left; pure.

Go matches the names of members it knows without regard to case, with Unicode's folding of U+017F
to s and U+212A to k, lets a repeated object or map add to the first one, ignores null for plain
values, replaces bytes that are not UTF-8 and reads the first value only. `read_object` gives the
members under their proper names, once each; `written` is what the engine gets instead of what
was sent. What a shape does not name stays as it is. Called for the bodies that rules look into.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

DEEPEST = 64
_INT64, _UINT64 = -(1 << 63), 1 << 64
_SPACE = " \t\r\n"


class UnreadableBody(Exception):  # noqa: N818 - says what is the case; never leaves the package
    """The engine would refuse it, or read it otherwise than we do. The message says why."""


class Number:
    """A number that is no 64-bit integer, as it was written."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Number({self.text})"


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of a value in the engine's model.

    `members`: of an object. `each`: of the entries of a list, or of a map. `is_map`: its names
    are data, and a repeated map adds to the first one. `null_empties`: null empties it,
    as Go does with pointers, lists and maps; else null changes nothing.
    """

    members: Mapping[str, Shape] = field(default_factory=dict)
    each: Shape | None = None
    is_map: bool = False
    null_empties: bool = True


PLAIN = Shape(null_empties=False)
"""A text, a number or a flag."""
LIST = Shape()
MAP = Shape(is_map=True)


def fold(name: str) -> str:
    """Equal for names that Go takes for one: ASCII letters, and the two that fold into them."""
    return name.replace("\u017f", "s").replace("\u212a", "k").translate(_LOWER)


_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written."""


def read_object(body: bytes, shape: Shape) -> dict[str, Any]:
    """Raises UnreadableBody for what is not exactly one object."""
    text = body.decode("utf-8", "replace").strip(_SPACE)
    try:
        value, end = _decoder.raw_decode(text)
        if end != len(text):
            raise UnreadableBody("something follows the JSON value")
        if not isinstance(value, _Pairs):
            raise UnreadableBody("it is no JSON object")
        return _object(value, shape, 0)
    except RecursionError:
        raise UnreadableBody("its JSON is nested too deeply") from None
    except ValueError as error:
        raise UnreadableBody(f"its JSON is broken: {error}") from None


def written(members: Mapping[str, Any]) -> bytes:
    """The body that says exactly this."""
    return msgspec.json.encode(members, enc_hook=_raw)


def _raw(value: object) -> Any:
    if isinstance(value, Number):
        return msgspec.Raw(value.text.encode())
    raise TypeError(f"a {type(value).__name__} can't be written as JSON")


def _integer(text: str) -> int | Number:
    value = int(text) if len(text) <= 20 else _UINT64
    return value if _INT64 <= value < _UINT64 else Number(text)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


_decoder = json.JSONDecoder(
    object_pairs_hook=_Pairs,
    parse_int=_integer,
    parse_float=Number,
    parse_constant=_no_number,
)


def _object(pairs: _Pairs, shape: Shape, depth: int) -> dict[str, Any]:
    if depth > DEEPEST:
        raise UnreadableBody("its JSON is nested too deeply")
    proper = {fold(name): name for name in shape.members}
    found: dict[str, Any] = {}
    for written_name, value in pairs:
        name = _text(written_name)
        if not shape.is_map:
            name = proper.get(fold(name), name)
        inner = (shape.each if shape.is_map else shape.members.get(name)) or Shape()
        if value is None and not inner.null_empties:
            continue
        value = _value(value, inner, depth + 1)
        found[name] = _joined(found.get(name), value, inner)
    return found


def _joined(before: Any, value: Any, shape: Shape) -> Any:
    """What a member means that was there before."""
    known = shape.is_map or bool(shape.members)
    if not (known and isinstance(before, dict) and isinstance(value, dict)):
        return value
    if shape.is_map:
        return {**before, **value}
    inner = shape.members
    merged = dict(before)
    for name, member in value.items():
        merged[name] = _joined(merged.get(name), member, inner.get(name) or Shape())
    return merged


def _value(value: Any, shape: Shape, depth: int) -> Any:
    if isinstance(value, _Pairs):
        return _object(value, shape, depth)
    if isinstance(value, list):
        if depth > DEEPEST:
            raise UnreadableBody("its JSON is nested too deeply")
        return [_value(item, shape.each or Shape(), depth + 1) for item in value]
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    """Go has no halves of surrogate pairs."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
