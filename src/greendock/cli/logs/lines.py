"""Log entries as lines for people: the short form, the full one, and colour on matches.

Pure. Entry texts are written as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from greendock.cli.logs.entry import Entry
from greendock.cli.logs.output_text import is_output, readable, source

_BOLD_RED = "\x1b[1;31m"
_RESET = "\x1b[0m"


def short_line(entry: Entry, zone: tzinfo | None = None) -> str:
    """`yyyy-MM-dd HH:mm:ss zone [LEVEL] logger: text`; lines in no known form stay as they are.

    A line that the engine's log brought has `(container stream)` after the logger. `zone` None is
    the local time zone.
    """
    if entry.timestamp_ms is None or "loggerName" not in entry.fields:
        return entry.raw
    time = datetime.fromtimestamp(entry.timestamp_ms / 1000, UTC).astimezone(zone)
    stamp = time.strftime("%Y-%m-%d %H:%M:%S %Z")
    head = f"{stamp} [{entry.level}] {entry.fields['loggerName']}"
    message = str(entry.fields.get("message") or "")
    if (whose := source(entry)) is not None:
        return f"{head} ({whose}): {readable(message)}"
    body = _body(entry)
    if is_output(entry) and message.startswith("{"):
        body = body.replace(message, readable(message), 1)
    return f"{head}: {body}"


def full_line(entry: Entry) -> str:
    """Greengrass's TEXT form with every field, the cause on the lines after it."""
    if entry.body is not None or entry.timestamp_ms is None or "loggerName" not in entry.fields:
        return entry.raw
    time = datetime.fromtimestamp(entry.timestamp_ms / 1000, UTC)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{entry.timestamp_ms % 1000:03d}Z"
    head = f"{stamp} [{entry.level}] ({entry.fields.get('thread')}) {entry.fields['loggerName']}: "
    return "\n".join([head + _body(entry), *_cause_lines(entry.cause)])


def json_object(entry: Entry, timestamp_ms: int) -> dict[str, Any]:
    """The documented members of one entry."""
    return {
        "timestamp": timestamp_ms,
        "level": entry.level,
        "thread": entry.fields.get("thread"),
        "loggerName": entry.fields.get("loggerName"),
        "eventType": entry.fields.get("eventType"),
        "message": entry.fields.get("message") if entry.is_structured else entry.raw,
        "contexts": dict(entry.contexts),
        "cause": entry.cause,
    }


def coloured(line: str, highlights: Sequence[re.Pattern[str]]) -> str:
    """`line` with what matched in bold red."""
    spans = sorted(match.span() for pattern in highlights for match in pattern.finditer(line))
    result, done = [], 0
    for start, end in spans:
        start = max(start, done)
        if start < end:
            result += [line[done:start], _BOLD_RED, line[start:end], _RESET]
            done = end
    return "".join([*result, line[done:]])


def _body(entry: Entry) -> str:
    if entry.body is not None:
        return entry.body
    parts = [entry.fields.get("eventType"), entry.fields.get("message")]
    texts = [str(part) for part in parts if part]
    if entry.contexts:
        texts.append(_pairs(entry.contexts))
    return ". ".join(texts)


def _pairs(value: Mapping[str, Any]) -> str:
    pairs = [
        f"{key}={_pairs(each) if isinstance(each, dict) else each}" for key, each in value.items()
    ]
    return "{" + ", ".join(pairs) + "}"


def _cause_lines(cause: object) -> list[str]:
    if not isinstance(cause, dict):
        return [str(cause)] if cause else []
    lines = [str(cause.get("message"))] if cause.get("message") else []
    trace = cause.get("stackTrace")
    frames = trace if isinstance(trace, list) else str(trace).splitlines() if trace else []
    lines += [f"    {frame}" for frame in frames]
    return lines + _cause_lines(cause.get("cause"))
