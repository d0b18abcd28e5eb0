"""Where a body ends in a flow of bytes, and what of it is content.

Pure. The bytes themselves pass unchanged; a reader looks at them once, in order. Chunks are read
strictly (CR LF everywhere, hexadecimal digits, bounded lines), for the same reason as heads.
Called by the relay.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from greendock.docker.gateway.http1 import Ends, Framing, MalformedMessageError

_LINE_BYTES = 1024
_TRAILER_BYTES = 16 * 1024
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_TRAILER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n")

Take = Callable[[bytes], None]


class Body(Protocol):
    """`done` says that all of it was fed; `whole_at_close`, that a close now would not cut it."""

    @property
    def done(self) -> bool: ...

    @property
    def whole_at_close(self) -> bool: ...

    def feed(self, data: bytes) -> int:
        """How many of these bytes belong to it: all of them while it isn't done.

        Raises MalformedMessageError.
        """


def body_of(framing: Framing, take: Take | None = None) -> Body:
    """A reader for one body. `take` gets the content, transfer coding taken off."""
    if framing.ends is Ends.CHUNKS:
        return ChunkedBody(take)
    if framing.ends is Ends.CLOSE:
        return _EndlessBody(take)
    return _SizedBody(framing.length_bytes, take)


class _SizedBody:
    def __init__(self, length_bytes: int, take: Take | None) -> None:
        self._left = length_bytes
        self._take = take

    @property
    def done(self) -> bool:
        return self._left == 0

    @property
    def whole_at_close(self) -> bool:
        return self.done

    def feed(self, data: bytes) -> int:
        used = min(self._left, len(data))
        self._left -= used
        if self._take is not None and used:
            self._take(data if used == len(data) else data[:used])
        return used


class _EndlessBody:
    done = False
    whole_at_close = True

    def __init__(self, take: Take | None) -> None:
        self._take = take

    def feed(self, data: bytes) -> int:
        if self._take is not None:
            self._take(data)
        return len(data)


class ChunkedBody:
    """Chunks up to and including the trailer."""

    def __init__(self, take: Take | None = None) -> None:
        self.done = False
        self._take = take
        self._left = 0
        self._line = b""
        self._next: Callable[[bytes], None] = self._size
        self._trailer_bytes = 0

    @property
    def whole_at_close(self) -> bool:
        return self.done

    def feed(self, data: bytes) -> int:
        at, end = 0, len(data)
        while at < end and not self.done:
            if self._left:
                used = min(self._left, end - at)
                if self._take is not None:
                    self._take(data[at : at + used])
                self._left -= used
                at += used
            else:
                at = self._read_line(data, at)
        return at

    def _read_line(self, data: bytes, at: int) -> int:
        found = data.find(b"\n", at, at + _LINE_BYTES)
        stop = found + 1 if found >= 0 else min(len(data), at + _LINE_BYTES)
        line = self._line + data[at:stop]
        if len(line) > _LINE_BYTES or (found < 0 and len(line) == _LINE_BYTES):
            raise MalformedMessageError("a line of the chunked body is too long")
        if found < 0:
            self._line = line
        else:
            self._line = b""
            self._next(line)
        return stop

    def _size(self, line: bytes) -> None:
        found = _SIZE.fullmatch(line)
        if found is None:
            raise MalformedMessageError("a chunk of the body has no valid size")
        self._left = int(found[1], 16)
        self._next = self._after_content if self._left else self._trailer

    def _after_content(self, line: bytes) -> None:
        if line != b"\r\n":
            raise MalformedMessageError("a chunk of the body is longer than its size")
        self._next = self._size

    def _trailer(self, line: bytes) -> None:
        if line == b"\r\n":
            self.done = True
            return
        self._trailer_bytes += len(line)
        if self._trailer_bytes > _TRAILER_BYTES or _TRAILER.fullmatch(line) is None:
            raise MalformedMessageError("the trailer of the chunked body is not valid")
