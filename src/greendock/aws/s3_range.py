"""Sizes and ranges in the head of S3's answers; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18})", re.ASCII)
_UNSATISFIED = re.compile(r"bytes \*/([0-9]{1,18})", re.ASCII)
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


def size_of(status: int, headers: Mapping[str, str]) -> int | None:
    """Of the whole object; None when the answer doesn't tell it."""
    if status == 206:
        found = _RANGE.fullmatch(headers.get("content-range", ""))
        return int(found[2]) if found else None
    length = headers.get("content-length", "")
    return int(length) if _LENGTH.fullmatch(length) else None


def size_past_end(headers: Mapping[str, str], told: str) -> int | None:
    """Of an object that is shorter than the wanted range: `told` in the answer's body, or in its
    head."""
    found = _UNSATISFIED.fullmatch(headers.get("content-range", ""))
    size = told or (found[1] if found else "")
    return int(size) if _LENGTH.fullmatch(size) else None


def first_of(status: int, headers: Mapping[str, str]) -> int | None:
    """The place of the body's first byte in the object; a store may send all instead of a part."""
    if status != 206:
        return 0
    found = _RANGE.fullmatch(headers.get("content-range", ""))
    return int(found[1]) if found else None
