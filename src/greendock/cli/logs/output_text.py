"""What containers and scripts printed, made readable: whose it is, and JSON as words.

Pure. Only for people: filters, --verbose and --json see lines as they are in the log.
"""

from __future__ import annotations

import json
from typing import Any

from greendock.cli.logs.entry import Entry

_STREAMS = ("stdout", "stderr")
_MESSAGE = ("msg", "message", "event", "text")
_SHOWN_ELSEWHERE = frozenset(
    {"level", "severity", "lvl", "time", "timestamp", "ts", "@timestamp", "t"}
)


def is_output(entry: Entry) -> bool:
    return entry.fields.get("eventType") in _STREAMS


def source(entry: Entry) -> str | None:
    """Container and stream of a line that the engine's log brought; None for any other."""
    container = entry.contexts.get("container")
    return f"{container} {entry.fields['eventType']}" if container and is_output(entry) else None


def readable(message: str) -> str:
    """A JSON object as its message and `name=value` for the rest; anything else as it is."""
    if not message.startswith("{"):
        return message
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        return message
    name = next((name for name in _MESSAGE if isinstance(document.get(name), str)), None)
    words = [] if name is None else [document[name]]
    words += [
        f"{key}={_value(value)}"
        for key, value in document.items()
        if key != name and key not in _SHOWN_ELSEWHERE
    ]
    return " ".join(words) or message


def _value(value: Any) -> str:
    if isinstance(value, str) and value and not any(sign in value for sign in ' "=\n'):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
