"""JSON as bytes and back, strict: no NaN, no infinity, no halves of surrogate pairs."""

from __future__ import annotations

import json
from typing import Any


def json_bytes(value: Any) -> bytes:
    """In the shortest form. ValueError for what JSON can't hold."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def read_json(text: bytes) -> Any:
    """ValueError for what is not JSON or can't be written again."""
    try:
        value = json.loads(text)
        json_bytes(value)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value
