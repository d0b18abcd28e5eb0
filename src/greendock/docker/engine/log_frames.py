"""The bytes of a container's log, as the engine sends it with time stamps, into lines.

Pure. The engine sends messages: a stamp, a text, and a line end unless the log driver cut the line
there; those are joined again. With a terminal there is one stream and no frames. Called by
log_stream.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from greendock.base.lines import LineSplitter

CUT_BYTES = 16 * 1024
"""The engine cuts a line where its buffer is full; a shorter message without a line end is the
last thing that a container printed before it ended."""

_FRAME_HEAD = 8
_STREAMS = {1: "stdout", 2: "stderr"}
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ")
_LONGEST_STAMP = 36
_DIGITS = 9
_LONGEST_MESSAGE = 1 << 20


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line without its end. `time_ns`: the engine's stamp, since the epoch. `open_ns`: that of
    the oldest line whose end has not come, of either stream; 0 when there is none."""

    stream: str
    time_ns: int
    text: str
    open_ns: int = 0


class _Stream:
    """One stream: messages in, lines out."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.open_ns = 0
        self._splitter = LineSplitter()

    def message(self, time_ns: int, text: bytes) -> list[tuple[int, str]]:
        if not text.endswith(b"\n") and len(text) < CUT_BYTES:
            text += b"\n"
        began_ns = self.open_ns or time_ns
        lines = self._splitter.feed(text)
        self.open_ns = 0 if text.endswith(b"\n") else began_ns
        return [(time_ns, line) for line in lines]

    def finish(self) -> list[tuple[int, str]]:
        time_ns, self.open_ns = self.open_ns, 0
        return [(time_ns, line) for line in self._splitter.finish()]


class LogDecoder:
    """Feed it the log from its beginning, or from any message on."""

    def __init__(self, *, has_terminal: bool) -> None:
        self._is_framed = not has_terminal
        self._rest = bytearray()
        self._streams = {name: _Stream(name) for name in _STREAMS.values()}
        self.trouble: str | None = None
        """What the engine wrote between the lines: that it could not read its log."""

    def feed(self, piece: bytes) -> list[LogLine]:
        """The lines that `piece` completes."""
        self._rest += piece
        return self._frames() if self._is_framed else self._raw()

    def finish(self) -> list[LogLine]:
        """The stream has ended: lines without an end are whole."""
        found: list[LogLine] = []
        if not self._is_framed and self._rest:
            found += self._raw_message(bytes(self._rest))
        self._rest.clear()
        for stream in self._streams.values():
            done = stream.finish()
            found += [LogLine(stream.name, time_ns, text) for time_ns, text in done]
        return found

    def _frames(self) -> list[LogLine]:
        found: list[LogLine] = []
        rest, at = self._rest, 0
        while len(rest) - at >= _FRAME_HEAD:
            end = at + _FRAME_HEAD + int.from_bytes(rest[at + 4 : at + 8], "big")
            if len(rest) < end:
                break
            kind, text = rest[at], bytes(rest[at + _FRAME_HEAD : end])
            at = end
            if kind in _STREAMS:
                found += self._message(_STREAMS[kind], text)
            else:
                self.trouble = text.decode("utf-8", "replace").strip()
        del rest[:at]
        return found

    def _raw(self) -> list[LogLine]:
        found: list[LogLine] = []
        rest = self._rest
        at = 0
        while (end := self._raw_end(at)) is not None:
            found += self._raw_message(bytes(rest[at:end]))
            at = end
        del rest[:at]
        return found

    def _raw_message(self, message: bytes) -> list[LogLine]:
        """One message, or two: what a container printed last may have no line end, and then the
        first message of its next run follows. The engine's stamp of that is the later one, while
        a stamp that is part of a text is hardly ever later than the engine's."""
        first = _STAMP.match(message)
        for stamp in _STAMP.finditer(message, 0 if first is None else first.end()):
            is_engines = stamp[2] is not None and len(stamp[2]) == _DIGITS
            if first is not None and is_engines and _nanoseconds(stamp) > _nanoseconds(first):
                both = (message[: stamp.start()], message[stamp.start() :])
                return [line for one in both for line in self._message("stdout", one)]
        return self._message("stdout", message)

    def _raw_end(self, start: int) -> int | None:
        """Where the message that begins at `start` ends, when that can be said already.

        It ends at a line end, or, cut, where another stamp follows after a full buffer.
        """
        rest = self._rest
        stamp = _STAMP.match(rest, start)
        text = start if stamp is None else stamp.end()
        cut = text + CUT_BYTES
        end = rest.find(b"\n", text, cut + 1)
        if end >= 0:
            return end + 1
        if len(rest) >= cut + _LONGEST_STAMP:
            return cut if _STAMP.match(rest, cut) else self._next_end(cut)
        return None

    def _next_end(self, start: int) -> int | None:
        end = self._rest.find(b"\n", start)
        if end >= 0:
            return end + 1
        return len(self._rest) if len(self._rest) - start > _LONGEST_MESSAGE else None

    def _message(self, name: str, message: bytes) -> list[LogLine]:
        stamp = _STAMP.match(message)
        time_ns = 0 if stamp is None else _nanoseconds(stamp)
        stream = self._streams[name]
        lines = stream.message(time_ns, message if stamp is None else message[stamp.end() :])
        open_ns = min((one.open_ns for one in self._streams.values() if one.open_ns), default=0)
        return [LogLine(name, line_ns, text, open_ns) for line_ns, text in lines]


def _nanoseconds(stamp: re.Match[bytes]) -> int:
    try:
        moment = datetime.fromisoformat((stamp[1] + stamp[3]).decode().replace("Z", "+00:00"))
    except ValueError:
        return 0
    seconds = int(moment.astimezone(UTC).timestamp())
    return seconds * 1_000_000_000 + int((stamp[2] or b"0").ljust(9, b"0"))
