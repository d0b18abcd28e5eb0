"""Lines around a match: the ones before and after it that --before and --after ask for.

Pure; works line by line on one log and remembers no more than it may still have to show.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from greendock.cli.logs.entry import Entry


class Shown(NamedTuple):
    """An entry to print; `timestamp_ms` is its own or that of the entry it follows."""

    timestamp_ms: int
    entry: Entry
    is_match: bool


class ContextFilter:
    """`push` each entry of one log in order; it gives what can be shown now."""

    def __init__(self, matches: Callable[[Entry, int], bool], before: int, after: int) -> None:
        self._matches = matches
        self._earlier: deque[Shown] = deque(maxlen=before)
        self._after = after
        self._due = 0

    def push(self, entry: Entry, timestamp_ms: int) -> Iterator[Shown]:
        if self._matches(entry, timestamp_ms):
            yield from self._earlier
            self._earlier.clear()
            self._due = self._after
            yield Shown(timestamp_ms, entry, True)
        elif self._due:
            self._due -= 1
            yield Shown(timestamp_ms, entry, False)
        else:
            self._earlier.append(Shown(timestamp_ms, entry, False))
