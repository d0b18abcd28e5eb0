"""One log line in Greengrass's two formats, and what may be logged.

Pure. logs.py writes the lines; the layout is what operators' filters and log shippers expect.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class LogFormat(StrEnum):
    TEXT = "TEXT"
    JSON = "JSON"


LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")
_RANKS = {level: rank for rank, level in enumerate(LEVELS)}


@dataclass(frozen=True, slots=True)
class LogRecord:
    """`at` is seconds since the epoch; `cause` the text of a traceback."""

    at: float
    level: str
    thread: str
    logger: str
    event: str | None
    message: str
    contexts: Mapping[str, object]
    cause: str | None = None


def is_logged(level: str, threshold: str) -> bool:
    """Whether a line of `level` is written when `threshold` is configured."""
    return _RANKS.get(level, 2) >= _RANKS.get(threshold, 2)


def format_line(record: LogRecord, log_format: LogFormat) -> str:
    """The record with its line end."""
    return _json(record) if log_format is LogFormat.JSON else _text(record)


def _text(record: LogRecord) -> str:
    # Parts are joined by ". "; absent ones leave no trace. A line break inside a value would
    # look like another record.
    contexts = ", ".join([f"{key}={_flat(value)}" for key, value in record.contexts.items()])
    event = f"{record.event}. " if record.event else ""
    message = f"{_flat(record.message)}. " if record.message else ""
    line = (
        f"{_instant(record.at)} [{record.level}] ({record.thread}) {record.logger}: "
        f"{event}{message}{{{contexts}}}\n"
    )
    return f"{line}{record.cause.rstrip()}\n" if record.cause else line


def _json(record: LogRecord) -> str:
    cause = None
    if record.cause:
        lines = record.cause.rstrip().splitlines()
        cause = {"message": lines[-1], "suppressed": [], "stackTrace": lines, "cause": None}
    document = {
        "thread": record.thread,
        "level": record.level,
        "eventType": record.event,
        "message": record.message,
        "contexts": {key: str(value) for key, value in record.contexts.items()},
        "loggerName": record.logger,
        "timestamp": int(record.at * 1000),
        "cause": cause,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _flat(value: object) -> str:
    return str(value).replace("\r", "\\r").replace("\n", "\\n")


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _instant(at: float) -> str:
    seconds, milliseconds = divmod(int(at * 1000), 1000)
    return f"{_second(seconds)}.{milliseconds:03d}Z"
