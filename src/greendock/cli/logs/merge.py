"""Reads several logs as one, by time: first what is there, then what comes.

Keeps one entry per log in memory, whatever the size of the files. Parsing, choosing and wording
are done by the pure modules beside it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from greendock.cli.logs.context import ContextFilter, Shown
from greendock.cli.logs.entry import Entry
from greendock.cli.logs.reader import LogReader

_HEAD_LIMIT = 200
"""Lines without a time at the start of a log that wait for the first time in it."""


class Choice(NamedTuple):
    """What to show of each log."""

    parse: Callable[[str], Entry]
    matches: Callable[[Entry, int], bool]
    before: int
    after: int


class Source:
    """One log, with what has been seen of it."""

    def __init__(self, reader: LogReader, choice: Choice) -> None:
        self.reader = reader
        self._choice = choice
        self._context = ContextFilter(choice.matches, choice.before, choice.after)
        self._last_ms: int | None = None

    def shown(self) -> Iterator[Shown]:
        """What is to be shown of all that was written up to now; call again for more."""
        for entry, timestamp_ms in self._timed():
            yield from self._context.push(entry, timestamp_ms)

    def _timed(self) -> Iterator[tuple[Entry, int]]:
        """Each entry with a time: its own, else that of the one before it. Lines at the start of
        a log take the first time that follows, since a rotation may cut a stack trace in two."""
        head: list[Entry] = []
        for line in self.reader.lines():
            entry = self._choice.parse(line)
            if entry.timestamp_ms is not None:
                self._last_ms = entry.timestamp_ms
            elif self._last_ms is None:
                head.append(entry)
                if len(head) < _HEAD_LIMIT:
                    continue
                self._last_ms = self.reader.modified_ms()
                entry = head.pop()
            for earlier in head:
                yield earlier, self._last_ms
            head.clear()
            yield entry, self._last_ms
        for earlier in head:
            yield earlier, self.reader.modified_ms()


def merged(sources: Iterable[Source]) -> Iterator[Shown]:
    """Everything of all logs that was written up to now, the oldest first."""
    return heapq.merge(
        *(source.shown() for source in sources), key=lambda shown: shown.timestamp_ms
    )
