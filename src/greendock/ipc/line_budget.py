"""Keeps one client from filling the core's log with what it does wrong.

A filter of the logger: so many lines of one kind and one client per minute; further ones are
counted, and the next line that is let through says how many there were. Kinds are the texts before
their values are filled in, so that changing values brings no more lines.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

LINES = 60
PERIOD_S = 60.0
MOST_KEYS = 1000


@dataclass(slots=True)
class _Spent:
    since_s: float
    lines: int = 0
    left_out: int = 0


class LineBudget(logging.Filter):
    """`principal` in a record's `extra` names the client, else its first value does."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now_s = now_s
        self._spent: dict[tuple[str, str], _Spent] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written. Errors of the core itself always are."""
        if record.levelno != logging.WARNING:
            return True
        spent = self._of(record)
        if spent.lines >= LINES:
            spent.left_out += 1
            return False
        spent.lines += 1
        return True

    def _of(self, record: logging.LogRecord) -> _Spent:
        first = record.args[0] if isinstance(record.args, tuple) and record.args else ""
        key = (str(record.msg), str(getattr(record, "principal", first))[:200])
        now = self._now_s()
        spent = self._spent.get(key)
        if spent is None:
            if len(self._spent) >= MOST_KEYS:
                self._spent.clear()
            spent = self._spent[key] = _Spent(now)
        elif now - spent.since_s >= PERIOD_S:
            if spent.left_out:
                record.msg = f"{record.msg} ({spent.left_out} lines like it were left out)"
            spent = self._spent[key] = _Spent(now)
        return spent
