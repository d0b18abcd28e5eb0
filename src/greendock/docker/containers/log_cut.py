"""Where a container's log goes on after what its script had printed of it.

Pure. As long as a script runs `docker run` in the foreground, what it prints is what its container
prints, so that counting lines says where. The docker command prints lines of its own before that
(warnings, a pull); the first lines of both tell how many. Where counts don't fit, as with
`compose up`, whose lines begin with the service's name, the last lines are looked for in the log,
and if that fails, the time of the last line decides.
"""

from __future__ import annotations

import re
import zlib
from collections import deque
from dataclasses import dataclass, field

from greendock.docker.containers.log_place import STREAMS, LogPlace, StreamPlace
from greendock.docker.engine.log_frames import LogLine

HEAD_LINES = 64
TAIL_LINES = 32
_WINDOW = 8
_LATE_NS = 2_000_000_000
"""A line is in the engine's log at about the time at which its script prints it."""

_COLOUR = r"(?:\x1b\[[0-9;]*m)*"
_PREFIX = re.compile(rf"{_COLOUR}([\w.-]+) +\|{_COLOUR} ?{_COLOUR}")


def print_of(text: str) -> int:
    """Tells one line from another: not made to withstand people, but nobody gains by that."""
    data = text.rstrip().encode("utf-8", "replace")
    return zlib.crc32(data) | (len(data) << 32)


def split_prefix(line: str) -> tuple[str, str]:
    """What `compose up` puts before a line, and the line; no name where there is none."""
    match = _PREFIX.match(line)
    return ("", line) if match is None else (match[1], line[match.end() :])


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """A line that a script printed. `prefix`, `text`: prints of its parts if it is Compose's."""

    stream: str
    whole: int
    prefix: int
    text: int
    time_ns: int


def printed_line(stream: str, line: str, time_ns: int) -> PrintedLine:
    prefix, text = split_prefix(line)
    if not prefix:
        return PrintedLine(stream, print_of(line), 0, 0, time_ns)
    return PrintedLine(stream, print_of(line), print_of(prefix), print_of(text), time_ns)


@dataclass(frozen=True, slots=True)
class ScriptRecord:
    """What a script printed: how many lines to each stream, prints of the first ones of each, and
    the last lines of both."""

    counts: dict[str, int]
    heads: dict[str, list[int]] = field(repr=False)
    tail: tuple[PrintedLine, ...] = field(repr=False)


class CutFinder:
    """Feed it the container's whole log, then ask for the place. `names`: what Compose may put
    before the container's lines; none for `docker run`."""

    def __init__(self, record: ScriptRecord, names: tuple[str, ...] = ()) -> None:
        prints = {print_of(name) for name in names}
        self._by_prefix = bool(names)
        self._streams = {
            name: _StreamCut(
                record.counts.get(name, 0),
                record.heads.get(name, []),
                next((one for one in reversed(record.tail) if one.stream == name), None),
            )
            for name in STREAMS
        }
        self._tail = _TailCut(record.tail, prints)

    def feed(self, line: LogLine) -> None:
        self._tail.feed(line)
        self._streams[line.stream].feed(line)

    def place(self) -> LogPlace:
        places = self._tail.places
        if not self._by_prefix:
            # A script can put its streams together: one that has nothing proves nothing.
            all_fit = all(one.is_sure for one in self._streams.values())
            for name, one in self._streams.items():
                if one.is_sure and (all_fit or one.has_lines):
                    places[name] = one.place
        high_ns = max(one.time_ns for one in places.values())
        return LogPlace(places, 0, high_ns)


def _moved(place: StreamPlace, line: LogLine) -> StreamPlace:
    same = place.same + 1 if place.time_ns == line.time_ns else 1
    return StreamPlace(line.time_ns, same)


class _StreamCut:
    """By count. The command's own lines come first: at most HEAD_LINES of them are recognised."""

    def __init__(self, count: int, head: list[int], last: PrintedLine | None) -> None:
        self._count = count
        self._script_head = head
        self._own_head: list[int] = []
        self._last = None if last is None else last.whole
        self._end_ns = 0 if last is None else last.time_ns + _LATE_NS
        self._seen = 0
        # What may be the place, for each number of own lines of the command that is possible.
        self._places: dict[int, tuple[StreamPlace, int]] = {}
        self._place = StreamPlace()

    def feed(self, line: LogLine) -> None:
        if len(self._own_head) < HEAD_LINES:
            self._own_head.append(print_of(line.text))
        self._seen += 1
        self._place = _moved(self._place, line)
        own = self._count - self._seen
        if 0 <= own <= HEAD_LINES:
            self._places[own] = (self._place, print_of(line.text))

    @property
    def has_lines(self) -> bool:
        return self._count > 0

    @property
    def _own(self) -> int | None:
        """How many lines the command itself printed; None when the two have nothing in common."""
        head, log = self._script_head, self._own_head
        for own in range(len(head) + 1):
            both = min(len(head) - own, len(log))
            if head[own : own + both] == log[:both]:
                return own if both or not (head and log) else None
        return None

    @property
    def is_sure(self) -> bool:
        """Whether the last counted line is where it should be."""
        own = self._own
        if own is None:
            return False
        if self._seen == 0 or self._count <= own:
            return True
        if self._seen < self._count - own:
            # The engine has less than the script had: nothing of it is new, unless its log has
            # lost its beginning.
            return self._place.time_ns <= self._end_ns
        found = self._places.get(own)
        return found is not None and (self._last is None or found[1] == self._last)

    @property
    def place(self) -> StreamPlace:
        own = self._own or 0
        if self._count <= own or self._seen == 0:
            return StreamPlace()
        if self._seen < self._count - own:
            return self._place
        return self._places[own][0]


class _TailCut:
    """By the last lines: the latest point of the log before which most of them stand."""

    def __init__(self, tail: tuple[PrintedLine, ...], prefixes: set[int]) -> None:
        own = [one for one in tail if one.prefix in prefixes] if prefixes else list(tail)
        prints = [one.text if prefixes else one.whole for one in own][-_WINDOW:]
        self._last = prints[-1] if prints else None
        self._wanted = frozenset(prints)
        self._end_ns = own[-1].time_ns + _LATE_NS if own else 0
        # Without a line of its own among the last ones, it printed none since the first of them.
        self._until_ns = own[-1].time_ns if own else tail[0].time_ns if tail else 0
        self._window: deque[int] = deque(maxlen=_WINDOW)
        self._now = {name: StreamPlace() for name in STREAMS}
        self._by_time = dict(self._now)
        self._best: tuple[int, dict[str, StreamPlace]] | None = None

    def feed(self, line: LogLine) -> None:
        seen = print_of(line.text)
        self._window.append(seen)
        self._now = {**self._now, line.stream: _moved(self._now[line.stream], line)}
        if line.time_ns <= self._until_ns:
            self._by_time = self._now
        if seen == self._last and line.time_ns <= self._end_ns:
            score = len(self._wanted.intersection(self._window))
            if self._best is None or score >= self._best[0]:
                self._best = (score, self._now)

    @property
    def places(self) -> dict[str, StreamPlace]:
        places = self._by_time if self._best is None else self._best[1]
        return {name: StreamPlace(one.time_ns, one.same) for name, one in places.items()}
