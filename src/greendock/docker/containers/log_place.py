"""A place in a container's log, and which lines of a log that is read again come after it.

Pure. Within a stream the engine keeps the order of lines, and their stamps don't fall unless the
clock was set back; the two streams can be some time out of step. So a place has, for each stream,
the stamp of the last line and how many lines with that stamp are done.
"""

from __future__ import annotations

import msgspec

from greendock.docker.engine.log_frames import LogLine

SLACK_NS = 5_000_000_000
"""By how much one stream can lag behind the other in the engine's log."""

STREAMS = ("stdout", "stderr")


class StreamPlace(msgspec.Struct, array_like=True):
    """`same`: lines with the stamp `time_ns` that are done. `more`: how many lines after these are
    done too, of those that are logged."""

    time_ns: int = 0
    same: int = 0
    more: int = 0


class LogPlace(msgspec.Struct, array_like=True):
    """`open_ns`: when a line began whose end had not come; 0 without one. `high_ns`: the highest
    stamp of all."""

    streams: dict[str, StreamPlace] = msgspec.field(
        default_factory=lambda: {name: StreamPlace() for name in STREAMS}
    )
    open_ns: int = 0
    high_ns: int = 0

    @property
    def since_ns(self) -> int:
        """From where the log has to be read again; 0: from its beginning."""
        newest_ns = max(one.time_ns for one in self.streams.values())
        since_ns = max(0, newest_ns - SLACK_NS)
        return min(since_ns, self.open_ns) if self.open_ns else since_ns

    def is_misleading(self, now_ns: int) -> bool:
        """Whether the clock was set back, so that stamps don't tell what came after the place."""
        newest_ns = max(one.time_ns for one in self.streams.values())
        return self.high_ns - SLACK_NS > min(newest_ns, now_ns)


class Passage:
    """Goes through a log that is read from before the place, or from it; moves the place along.

    `is_strict`: stamps mislead, only equal ones count.
    """

    def __init__(self, place: LogPlace, *, is_strict: bool = False) -> None:
        self._place = place
        self._is_strict = is_strict
        self._behind = {name: one.same for name, one in place.streams.items() if one.same > 0}

    def take(self, line: LogLine, *, is_logged: bool) -> bool:
        """Whether the line comes after the place, which is then moved over it."""
        stream = self._place.streams[line.stream]
        if line.stream in self._behind and not self._is_past(line, stream):
            return False
        self._move(line, stream)
        if stream.more > 0 and is_logged:
            stream.more -= 1
            return False
        return True

    @property
    def has_arrived(self) -> bool:
        """Whether the place was found, in both streams."""
        return not self._behind

    def _is_past(self, line: LogLine, stream: StreamPlace) -> bool:
        if line.time_ns == stream.time_ns:
            self._behind[line.stream] -= 1
            if self._behind[line.stream] == 0:
                del self._behind[line.stream]
            return False
        if self._is_strict or line.time_ns < stream.time_ns:
            return False
        del self._behind[line.stream]
        return True

    def _move(self, line: LogLine, stream: StreamPlace) -> None:
        if line.time_ns == stream.time_ns:
            stream.same += 1
        else:
            stream.time_ns, stream.same = line.time_ns, 1
        place = self._place
        place.open_ns = line.open_ns
        place.high_ns = max(place.high_ns, line.time_ns)
