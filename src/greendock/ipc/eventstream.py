"""The event-stream message format: bytes to messages and back.

Pure: knows neither sockets nor the RPC rules on top (rpc.py). Refuses every malformed or oversized
frame with EventStreamError, the length and the prelude checksum before it keeps any of the body.
Called by the server's connections and by the CLI's client; imports next to nothing for its sake.

Layout (big-endian): total length u32, header length u32, CRC-32 of those 8 bytes, headers,
payload, CRC-32 of everything before. A header is name length u8, name, value type u8, value.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_MESSAGE = 24 * 1024 * 1024
"""Bytes of a whole frame, the limit of the AWS clients."""
MAX_HEADER_BLOCK = 128 * 1024
MAX_HEADERS = 1024
MAX_VALUE = 32767
"""Bytes of one text or bytes header value."""

_PRELUDE = struct.Struct(">III")
_INT32 = struct.Struct(">i")
_OVERHEAD = 16


class EventStreamError(Exception):
    """The bytes are not a valid message, or the message can't be written as bytes."""


class Int8(NamedTuple):
    """A header of type 2."""

    value: int


class Int16(NamedTuple):
    """A header of type 3."""

    value: int


class Int64(NamedTuple):
    """A header of type 5."""

    value: int


class Timestamp(NamedTuple):
    """A header of type 8: milliseconds since the epoch."""

    ms: int


class Uuid(NamedTuple):
    """A header of type 9: 16 bytes."""

    value: bytes


HeaderValue: TypeAlias = "bool | int | bytes | str | Int8 | Int16 | Int64 | Timestamp | Uuid"
"""Plain `int` is int32 (type 4); `str` is type 7, `bytes` type 6."""


Frame: TypeAlias = "tuple[bytes, bytes]"
"""The header block and the payload of a frame whose checksums are right."""


class Message(NamedTuple):
    """One frame. Decoded header values have the types that `encode` takes."""

    headers: dict[str, HeaderValue]
    payload: bytes


def encode(headers: Iterable[tuple[str, HeaderValue]], payload: bytes = b"") -> bytes:
    """The frame of a message, headers in the given order."""
    block = b"".join([_header(name, value) for name, value in headers])
    total = len(block) + len(payload) + _OVERHEAD
    if len(block) > MAX_HEADER_BLOCK:
        raise EventStreamError(f"cannot write a message: {len(block)} bytes of headers")
    if total > MAX_MESSAGE:
        raise EventStreamError(f"cannot write a message of {total} bytes: limit {MAX_MESSAGE}")
    lengths = struct.pack(">II", total, len(block))
    body = b"".join((lengths, crc32(lengths).to_bytes(4, "big"), block, payload))
    return body + crc32(body).to_bytes(4, "big")


def _header(name: str, value: HeaderValue) -> bytes:
    raw = name.encode()
    if not 0 < len(raw) <= 255:
        raise EventStreamError(f"cannot write a header name of {len(raw)} bytes")
    try:
        return bytes((len(raw),)) + raw + _value(value)
    except struct.error as error:
        raise EventStreamError(f"cannot write header {name}: {error}") from error


def _value(value: HeaderValue) -> bytes:
    if isinstance(value, bool):
        return b"\x00" if value else b"\x01"
    if isinstance(value, int):
        return struct.pack(">Bi", 4, value)
    if isinstance(value, str):
        return _sized(7, value.encode())
    if isinstance(value, bytes):
        return _sized(6, value)
    if isinstance(value, Uuid):
        if len(value.value) != 16:
            raise EventStreamError("cannot write a UUID header: it needs 16 bytes")
        return b"\x09" + value.value
    if type(value) not in _INTEGERS:
        raise EventStreamError(f"cannot write a header value of type {type(value).__name__}")
    kind, form = _INTEGERS[type(value)]
    return bytes((kind,)) + struct.pack(form, value[0])


_INTEGERS: dict[type, tuple[int, str]] = {
    Int8: (2, ">b"),
    Int16: (3, ">h"),
    Int64: (5, ">q"),
    Timestamp: (8, ">q"),
}


def _sized(kind: int, data: bytes) -> bytes:
    if len(data) > MAX_VALUE:
        raise EventStreamError(f"cannot write a header value of {len(data)} bytes")
    return struct.pack(">BH", kind, len(data)) + data


class FrameForm:
    """Writes frames that differ in their last header, an int32, and in their payload only.

    The header block is encoded once; the start of the frame is kept for the last length, since
    frames of one kind and size come in runs. May be used from any thread.
    """

    __slots__ = ("_block", "_start")

    def __init__(self, headers: Iterable[tuple[str, HeaderValue]], last: str) -> None:
        self._block = b"".join([_header(name, value) for name, value in (*headers, (last, 0))])[
            :-4
        ]
        self._start = (0, b"", 0)

    def frame(self, number: int, payload: bytes) -> bytes:
        total = len(self._block) + 4 + len(payload) + _OVERHEAD
        length, start, checksum = self._start
        if length != total:
            start, checksum = self._begin(total)
        rest = _INT32.pack(number) + payload
        return b"".join((start, rest, crc32(rest, checksum).to_bytes(4, "big")))

    def _begin(self, total: int) -> tuple[bytes, int]:
        if total > MAX_MESSAGE:
            raise EventStreamError(f"cannot write a message of {total} bytes: limit {MAX_MESSAGE}")
        lengths = struct.pack(">II", total, len(self._block) + 4)
        start = b"".join((lengths, crc32(lengths).to_bytes(4, "big"), self._block))
        self._start = (total, start, crc32(start))
        return start, self._start[2]


class Decoder:
    """Cuts a byte stream into messages; after an EventStreamError it is of no further use.

    `max_message` may be raised between calls: a peer that nobody knows yet gets less room.
    """

    __slots__ = ("_buffer", "_checked", "_needed", "max_message")

    def __init__(self, max_message: int = MAX_MESSAGE) -> None:
        self.max_message = max_message
        self._checked = b""
        self._buffer = bytearray()
        self._needed = _PRELUDE.size

    @property
    def buffered(self) -> int:
        """Bytes of an incomplete message that are kept."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Message]:
        """All messages that `data` completes."""
        return [Message(read_headers(block), payload) for block, payload in self.frames(data)]

    def frames(self, data: bytes) -> list[Frame]:
        """The same, with their headers unread."""
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._needed:
                return []
            data = bytes(self._buffer)
            self._buffer.clear()
        frames: list[Frame] = []
        start, end = 0, len(data)
        self._needed = _PRELUDE.size
        while end - start >= _PRELUDE.size:
            prelude = data[start : start + _PRELUDE.size]
            total, header_length, checksum = _PRELUDE.unpack(prelude)
            # Messages of one kind and size come in runs: the same twelve bytes again.
            if prelude != self._checked:
                _check_prelude(prelude, checksum)
                _check_lengths(total, header_length, self.max_message)
                self._checked = prelude
            if end - start < total:
                self._needed = total
                break
            # A checksum goes on from another: the first eight bytes are in the prelude's.
            rest = data[start + 8 : start + total - 4]
            start += total
            _check_message(rest, checksum, data[start - 4 : start])
            header_end = 4 + header_length
            frames.append((rest[4:header_end], rest[header_end:]))
        if start < end:
            self._buffer += data[start:] if start else data
        return frames


def _check_prelude(prelude: bytes, checksum: int) -> None:
    if crc32(prelude[:8]) != checksum:
        raise EventStreamError("cannot read a message: the checksum of its lengths is wrong")


def _check_lengths(total: int, header_length: int, limit: int) -> None:
    if not _OVERHEAD <= total <= limit:
        raise EventStreamError(f"cannot read a message of {total} bytes: limit {limit}")
    if header_length > MAX_HEADER_BLOCK or header_length > total - _OVERHEAD:
        raise EventStreamError(f"cannot read a message: {header_length} bytes of headers")


def _check_message(rest: bytes, before: int, checksum: bytes) -> None:
    if crc32(rest, before) != int.from_bytes(checksum, "big"):
        raise EventStreamError("cannot read a message: its checksum is wrong")


def read_headers(block: bytes) -> dict[str, HeaderValue]:
    """The headers of a frame's header block."""
    headers: dict[str, HeaderValue] = {}
    position, end, count = 0, len(block), 0
    while position < end:
        count += 1
        if count > MAX_HEADERS:
            raise EventStreamError(f"cannot read a message: more than {MAX_HEADERS} headers")
        name_end = position + 1 + block[position]
        if name_end >= end or name_end == position + 1:
            raise EventStreamError("cannot read a message: a header has no valid name")
        name = _text(block[position + 1 : name_end])
        headers[name], position = _read_value(block, name_end, end)
    return headers


def _read_value(block: bytes, position: int, end: int) -> tuple[HeaderValue, int]:
    """The value whose type byte is at `position`, and where the next header starts."""
    kind = block[position]
    position += 1
    if kind in (6, 7):
        if position + 2 > end:
            raise EventStreamError("cannot read a message: a header ends too early")
        size = int.from_bytes(block[position : position + 2], "big")
        if size > MAX_VALUE:
            raise EventStreamError(f"cannot read a message: a header value of {size} bytes")
        position += 2
    elif kind < len(_SIZES):
        size = _SIZES[kind]
    else:
        raise EventStreamError(f"cannot read a message: unknown header type {kind}")
    stop = position + size
    if stop > end:
        raise EventStreamError("cannot read a message: a header ends too early")
    return _READERS[kind](block[position:stop]), stop


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise EventStreamError("cannot read a message: a header is not UTF-8") from error


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


_SIZES = (0, 0, 1, 2, 4, 8, 0, 0, 8, 16)
_READERS: tuple[Callable[[bytes], HeaderValue], ...] = (
    lambda _: True,
    lambda _: False,
    lambda data: Int8(_signed(data)),
    lambda data: Int16(_signed(data)),
    _signed,
    lambda data: Int64(_signed(data)),
    lambda data: data,
    _text,
    lambda data: Timestamp(_signed(data)),
    Uuid,
)
