"""One log line as data: Greengrass's JSON and TEXT formats, and syslog (RFC 3164).

Pure. A line that is in none of them is kept whole, without fields and without a time of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

_TEXT = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) \[(?P<level>[A-Z]+)\] "
    r"\((?P<thread>[^)]*)\) (?P<logger>[^\s:]+): ?(?P<body>.*)",
    re.DOTALL,
)
_EVENT = re.compile(r"(?P<event>[a-z][\w-]*)\. ")
_CONTEXT = re.compile(r"([\w.-]+)=([^,}]*)")
_SYSLOG = re.compile(
    r"(?:<(?P<priority>\d{1,3})>)?(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?P<host>\S+) "
    r"(?P<logger>[^\s:\[(]+)\s?(?:[\[(](?P<class>[^\])]*)[\])])?: ?(?P<message>.*)",
    re.DOTALL,
)


class Entry(NamedTuple):
    """`timestamp_ms` is epoch milliseconds, None when the line has no time. `fields` has the names
    that filters use; `body` is the text after the logger's name in TEXT lines."""

    raw: str
    timestamp_ms: int | None = None
    level: str | None = None
    fields: Mapping[str, Any] = {}
    contexts: Mapping[str, Any] = {}
    cause: object = None
    body: str | None = None

    @property
    def is_structured(self) -> bool:
        return bool(self.fields)


def parse_line(raw: str) -> Entry:
    """A line of a Greengrass log."""
    if raw.startswith("{"):
        return _from_json(raw) or Entry(raw)
    match = _TEXT.fullmatch(raw)
    return Entry(raw) if match is None else _from_text(raw, match)


def parse_syslog_line(raw: str, now: datetime) -> Entry:
    """A line of syslog. It has no year: the latest one that isn't in the future is meant."""
    match = _SYSLOG.fullmatch(raw)
    if match is None:
        return Entry(raw)
    try:
        time = datetime.strptime(f"{now.year} {match['time']}", "%Y %b %d %H:%M:%S")
        local = time.astimezone(now.tzinfo)
        if (local - now).days >= 1:
            local = local.replace(year=now.year - 1)
    except ValueError:
        return Entry(raw)
    names = ("priority", "host", "logger", "class", "message")
    fields = {name: match[name] for name in names if match[name] is not None}
    return Entry(raw, int(local.timestamp() * 1000), None, fields)


def _from_json(raw: str) -> Entry | None:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("timestamp"), int | float):
        return None
    contexts = value.get("contexts")
    return Entry(
        raw,
        int(value["timestamp"]),
        str(value["level"]) if value.get("level") else None,
        value,
        contexts if isinstance(contexts, dict) else {},
        value.get("cause"),
    )


def _from_text(raw: str, match: re.Match[str]) -> Entry:
    try:
        time = datetime.fromisoformat(match["time"])
    except ValueError:
        return Entry(raw)
    body = match["body"]
    fields: dict[str, Any] = {
        "level": match["level"],
        "thread": match["thread"],
        "loggerName": match["logger"],
    }
    contexts, rest = _contexts(body)
    if match["thread"] == "Copier" and rest in ("stdout", "stderr"):
        rest += ". "  # an empty line that was printed
    event = _EVENT.match(rest)
    if event is not None:
        fields["eventType"] = event["event"]
        rest = rest[event.end() :]
    fields["message"] = rest
    stamp_ms = round(time.timestamp() * 1000)
    return Entry(raw, stamp_ms, match["level"], fields, contexts, body=body)


def _contexts(body: str) -> tuple[Mapping[str, Any], str]:
    """The `{name=value, …}` at the end of a TEXT line, and what stands before it."""
    start = body.rfind("{")
    if not body.endswith("}") or start < 0 or (start > 0 and body[start - 2 : start] != ". "):
        return {}, body
    return dict(_CONTEXT.findall(body[start:])), body[: max(0, start - 2)]
