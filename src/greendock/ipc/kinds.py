"""Kinds of values in requests, and the check of a JSON value against them.

Pure. Unset and null members are the same thing and are left out of the result; members that no
shape knows are ignored; inside a document everything is data, null too. Raises OperationError
(InvalidArgumentsError) with the path of the faulty member. Used by router.py with shapes.py.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from greendock.ipc.errors import invalid_arguments

MAX_DEPTH = 100
"""Nesting of a document: what the core handles recursively must end."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


class Scalar(Enum):
    """Kinds without parts. The values are what messages to people call them."""

    STRING = "a string"
    INTEGER = "an integer"
    DOUBLE = "a number"
    BOOLEAN = "true or false"
    DOCUMENT = "an object"
    UUID = "a UUID"
    BLOB = "base64 text"
    TIMESTAMP = "seconds since the epoch"


@dataclass(frozen=True, slots=True)
class Choice:
    """A string enumeration."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListOf:
    item: Kind


@dataclass(frozen=True, slots=True)
class MapOf:
    """A JSON object with free names."""

    value: Kind


@dataclass(frozen=True, slots=True)
class Structure:
    """A JSON object with named members; of a union exactly one is set."""

    required: Mapping[str, Kind]
    optional: Mapping[str, Kind]
    is_union: bool = False


Kind: TypeAlias = Scalar | Choice | ListOf | MapOf | Structure


def structure(required: Mapping[str, Kind] | None = None, **optional: Kind) -> Structure:
    return Structure(required or {}, optional)


def union(**members: Kind) -> Structure:
    return Structure({}, members, is_union=True)


def parse(payload: bytes, shape: Structure) -> dict[str, Any]:
    """The members of a request. An empty payload is an empty object."""
    try:
        # Strictly UTF-8; by itself the decoder would take halves of surrogate pairs and UTF-16.
        value = _decode((payload or b"{}").decode())
        if b"\\u" in payload:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise invalid_arguments("the request holds half of a surrogate pair") from error
    except (ValueError, RecursionError) as error:
        raise invalid_arguments(f"the request is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise invalid_arguments("the request is not a JSON object")
    return _structure(shape, value, "")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode


def checked(kind: Kind, value: Any, where: str) -> Any:
    """`value` without its unset parts; `where` is its path for messages."""
    if isinstance(kind, Structure):
        return _structure(kind, _object(value, where), where)
    if isinstance(kind, MapOf):
        items = _object(value, where).items()
        return {key: checked(kind.value, item, f"{where}.{key}") for key, item in items}
    if isinstance(kind, ListOf):
        if not isinstance(value, list):
            raise invalid_arguments(f"{where} has to be a list")
        return [checked(kind.item, item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(kind, Choice):
        if value not in kind.values:
            raise invalid_arguments(f"{where} has to be one of {', '.join(kind.values)}")
        return value
    return _scalar(kind, value, where)


def _structure(shape: Structure, value: dict[str, Any], where: str) -> dict[str, Any]:
    prefix = f"{where}." if where else ""
    members: dict[str, Any] = {}
    for name, kind in (*shape.required.items(), *shape.optional.items()):
        member = value.get(name)
        if member is not None:
            members[name] = checked(kind, member, f"{prefix}{name}")
        elif name in shape.required:
            raise invalid_arguments(f"{prefix}{name} is required")
    if shape.is_union and len(members) != 1:
        names = ", ".join(shape.optional)
        raise invalid_arguments(f"{where} has to have exactly one of {names}")
    return members


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid_arguments(f"{where} has to be an object")
    return value


def _scalar(kind: Scalar, value: Any, where: str) -> Any:
    if isinstance(value, float) and value.is_integer() and kind is Scalar.INTEGER:
        return int(value)
    if not _is(kind, value):
        raise invalid_arguments(f"{where} has to be {kind.value}")
    if kind is Scalar.DOCUMENT and _deeper_than(value, MAX_DEPTH):
        raise invalid_arguments(f"{where} is nested deeper than {MAX_DEPTH} levels")
    return value


def _is(kind: Scalar, value: Any) -> bool:
    if kind is Scalar.DOCUMENT:
        return isinstance(value, dict)
    if kind is Scalar.INTEGER:
        return type(value) is int
    if kind in (Scalar.DOUBLE, Scalar.TIMESTAMP):
        return type(value) in (int, float)
    if kind is Scalar.BLOB:
        return isinstance(value, str) and is_base64(value)
    if kind is Scalar.BOOLEAN:
        return type(value) is bool
    return isinstance(value, str) and (kind is Scalar.STRING or _UUID.fullmatch(value) is not None)


def _deeper_than(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    if levels == 0:
        return True
    items = value.values() if isinstance(value, dict) else value
    return any(_deeper_than(item, levels - 1) for item in items)


def is_base64(text: str | bytes) -> bool:
    """Whether it is base64 in the standard alphabet, padded."""
    try:
        binascii.a2b_base64(text, strict_mode=True)
    except (ValueError, binascii.Error):
        return False
    return True
