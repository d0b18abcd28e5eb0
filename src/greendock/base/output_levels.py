"""The level of a line that a container printed.

Pure, and kept plain: a line that is a JSON object with a level of its own has that; any other has
its stream's, as for scripts. Called for each line, so that no other line costs more than a look.
"""

from __future__ import annotations

import json
from typing import Any

_MEMBERS = ("level", "severity", "lvl")
_WORDS = {
    "TRACE": "TRACE",
    "DEBUG": "DEBUG",
    "INFO": "INFO",
    "INFORMATION": "INFO",
    "NOTICE": "INFO",
    "DEFAULT": "INFO",
    "WARN": "WARN",
    "WARNING": "WARN",
    "ERR": "ERROR",
    "ERROR": "ERROR",
    "CRIT": "ERROR",
    "CRITICAL": "ERROR",
    "FATAL": "ERROR",
    "PANIC": "ERROR",
    "ALERT": "ERROR",
    "EMERG": "ERROR",
    "EMERGENCY": "ERROR",
}
_NUMBERS = ((50, "ERROR"), (40, "WARN"), (30, "INFO"), (20, "DEBUG"))
"""From where on: as bunyan and pino write them."""


def stream_level(stream: str) -> str:
    """As Greengrass has it for scripts."""
    return "INFO" if stream == "stdout" else "WARN"


def output_level(stream: str, text: str) -> str:
    """One of TRACE, DEBUG, INFO, WARN, ERROR."""
    if text[:1] == "{" and any(f'"{name}"' in text for name in _MEMBERS):
        return _own_level(text) or stream_level(stream)
    return stream_level(stream)


def _own_level(text: str) -> str | None:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    for name in _MEMBERS:
        if (level := _read(document.get(name))) is not None:
            return level
    return None


def _read(value: Any) -> str | None:
    if isinstance(value, str):
        return _WORDS.get(value.strip().upper())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not value >= 10:  # small numbers, as syslog's, mean other things elsewhere
        return None
    return next((level for least, level in _NUMBERS if value >= least), "TRACE")
