"""The time windows of `logs get`: `BEGIN,END`, each side a time or an offset from now.

Pure: gets the time of now. A side that is empty means now. Forms of the official client.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from greendock.cli.errors import ArgumentsError

_OFFSET = re.compile(r"([+-])((?:\d+\s*[a-z]+\s*)+)", re.IGNORECASE)
_AMOUNT = re.compile(r"(\d+)\s*([a-z]+)", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.?(\d{3}))?)?")
_UNITS = {
    "d": 86400,
    "h": 3600,
    "m": 60,
    "s": 1,
}
_UNIT_NAMES = {
    "d": "d day days",
    "h": "h hr hrs hour hours",
    "m": "m min mins minute minutes",
    "s": "s sec secs second seconds",
}
_UNIT_OF = {name: unit for unit, names in _UNIT_NAMES.items() for name in names.split()}


class Window(NamedTuple):
    """Epoch milliseconds, both ends inside; `end_ms` None: no end."""

    begin_ms: int
    end_ms: int | None

    def holds(self, timestamp_ms: int) -> bool:
        return self.begin_ms <= timestamp_ms and (
            self.end_ms is None or timestamp_ms <= self.end_ms
        )


def parse_window(text: str, now: datetime, *, follow: bool) -> Window:
    """`now` is aware and in local time. When following, an empty end means no end at all.

    Raises ArgumentsError.
    """
    begin_text, _, end_text = text.partition(",")
    begin = _time(begin_text, now)
    end = None if follow and not end_text.strip() else _time(end_text, now)
    if end is not None and end < begin:
        raise ArgumentsError(f"cannot use --time-window {text}: it ends before it begins")
    return Window(_ms(begin), None if end is None else _ms(end))


def within(windows: Sequence[Window], timestamp_ms: int) -> bool:
    """Whether any window holds the time; without windows everything is inside."""
    return not windows or any(window.holds(timestamp_ms) for window in windows)


def all_over(windows: Sequence[Window], now_ms: int) -> bool:
    """Whether nothing that is still to come can be in a window."""
    ends = [window.end_ms for window in windows]
    return bool(ends) and all(end is not None and end < now_ms for end in ends)


def _time(text: str, now: datetime) -> datetime:
    text = text.strip()
    if not text:
        return now
    clock = _CLOCK.fullmatch(text)
    try:
        if text[0] in "+-":
            return now + _offset(text)
        if clock is not None:
            hour, minute, second, milli = (int(part or 0) for part in clock.groups())
            return now.replace(hour=hour, minute=minute, second=second, microsecond=milli * 1000)
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise ArgumentsError(
            f"cannot understand the time {text!r}",
            hint="write 2026-06-30, 15:30:45, 2026-06-30T15:30:45 (local), "
            "2026-06-30T15:30:45Z or an offset from now such as -2h15min",
        ) from error
    return time if time.tzinfo is not None else time.replace(tzinfo=now.tzinfo)


def _offset(text: str) -> timedelta:
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise ValueError(text)
    seconds = 0
    for amount, name in _AMOUNT.findall(match[2]):
        unit = _UNIT_OF.get(name.lower())
        if unit is None:
            raise ValueError(name)
        seconds += int(amount) * _UNITS[unit]
    return timedelta(seconds=seconds if match[1] == "+" else -seconds)


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)
