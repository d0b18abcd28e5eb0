"""What an unquoted scalar means, and how a value turns into text again.

One rule for YAML and JSON: only the spellings of JSON and the YAML 1.2 core schema are null,
boolean or number; everything else is the text that was written. So `2020-01-25`, `on`, `yes`,
`010`, `1_000`, `0x1F` and `12:30` are text. Pure; used by the document readers and by recipe
variables. Refuses to guess types of quoted text.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEANS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*+)", re.ASCII)
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]++|(?:0|[1-9][0-9]*+)(?:\.[0-9]*+)?)(?:[eE][-+]?[0-9]++)?", re.ASCII
)
_LONGEST_NUMBER = 64
_EXACT_INTEGRAL = 1e15


def is_null(text: str) -> bool:
    """True when unquoted `text` says null."""
    return text in _NULLS


def value_of(text: str) -> Any:
    """The value of unquoted `text`: None, bool, int, float, or the text itself.

    A number too long or too large to be kept exactly enough (more than 64 characters, or
    infinite as a float) stays text.
    """
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if len(text) > _LONGEST_NUMBER or text[0] not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return text if math.isinf(number) else number
    return text


def scalar_text(value: Any) -> str:
    """A string as it is; null, booleans and numbers as JSON text, integral floats as integers.

    The cloud's JSON has been through a float-only number type, so `2` can come back as `2.0`.
    """
    return value if isinstance(value, str) else json.dumps(_integral(value))


def compact_json(value: Any) -> str:
    """`value` as JSON without blanks and with sorted keys; integral floats as integers."""
    return json.dumps(
        _integral(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str
    )


def _integral(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_INTEGRAL:
        return int(value)
    if isinstance(value, dict):
        return {key: _integral(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_integral(item) for item in value]
    return value
