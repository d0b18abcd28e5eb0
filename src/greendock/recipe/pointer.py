"""JSON pointers (RFC 6901) into plain values. Pure; used by recipe variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MISSING = object()
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_BAD_ESCAPE = re.compile(r"~(?![01])")


def find(value: Any, pointer: str) -> Any:
    """What `pointer` names in `value`; MISSING when nothing, or when it is not a pointer.

    The empty pointer names the whole value. Case counts.
    """
    if not pointer:
        return value
    if not pointer.startswith("/") or _BAD_ESCAPE.search(pointer):
        return MISSING
    for part in pointer[1:].split("/"):
        value = _step(value, part.replace("~1", "/").replace("~0", "~"))
        if value is MISSING:
            return MISSING
    return value


def _step(value: Any, part: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(part, MISSING)
    if isinstance(value, list | tuple) and _INDEX.fullmatch(part) and int(part) < len(value):
        return value[int(part)]
    return MISSING
