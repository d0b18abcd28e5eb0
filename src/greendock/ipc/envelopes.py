"""Reads the headers of messages, each different header block once.

A block is remembered without the four bytes of its stream id, the only part in which the messages
of a client differ. One reader per connection, so that no peer can spoil another one's. Pure
apart from what it remembers, which is bounded. Called by connection.py.
"""

from __future__ import annotations

from greendock.ipc.eventstream import EventStreamError, Message, read_headers
from greendock.ipc.rpc import Envelope, envelope

MAX_BLOCKS = 64
MAX_BLOCK_BYTES = 512

_MARK = b"\x0a:stream-id\x04"
_BEFORE = len(_MARK)
_AFTER = _BEFORE + 4


class EnvelopeReader:
    """Remembers at most MAX_BLOCKS blocks of at most MAX_BLOCK_BYTES."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, Envelope] = {}

    def read(self, block: bytes) -> Envelope:
        """EventStreamError for headers that aren't valid, MissingHeaderError as `envelope`."""
        at = block.find(_MARK)
        if at < 0:
            return envelope(Message(read_headers(block), b""))
        key = block[: at + _BEFORE] + block[at + _AFTER :]
        known = self._known.get(key)
        if known is None:
            return self._read_new(block, at, key)
        number = int.from_bytes(block[at + _BEFORE : at + _AFTER], "big", signed=True)
        return Envelope(known.type, known.flags, number, known.operation, known.model)

    def _read_new(self, block: bytes, at: int, key: bytes) -> Envelope:
        found = envelope(Message(read_headers(block), b""))
        if len(block) <= MAX_BLOCK_BYTES and _is_stream_id(block, at, found):
            if len(self._known) >= MAX_BLOCKS:
                self._known.clear()
            self._known[key] = found
        return found


def _is_stream_id(block: bytes, at: int, found: Envelope) -> bool:
    """Whether the four bytes after the mark are the stream id and nothing else: another number
    there has to make the same message with that number. The mark could be part of a value."""
    other = found.stream ^ 0x55555555
    raw = other.to_bytes(4, "big", signed=True)
    changed = block[: at + _BEFORE] + raw + block[at + _AFTER :]
    try:
        return envelope(Message(read_headers(changed), b"")) == found._replace(stream=other)
    except EventStreamError:
        return False
