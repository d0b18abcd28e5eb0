"""A small file that always holds the last thing that was saved to it, or the one before.

Written often and in place: one write without waiting for the disk, which survives the death of
the process. A power cut can lose the last seconds, and tear what was being written; what was saved
in the last half minute is kept, so that a reader can take what fits the rest that survived. Knows
nothing of what is saved. Called by the positions of containers' and scripts' output.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

_HEAD = struct.Struct("<4sQII")
_MAGIC = b"gdc1"
_NEWEST_SLOTS = 2
_OLDER_SLOTS = 30
_OLDER_EVERY_S = 1.0
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class CheckpointFile:
    """Saves byte texts of up to `slot_bytes` less 20. `monotonic`: the clock's."""

    def __init__(self, path: Path, slot_bytes: int, monotonic: Callable[[], float]) -> None:
        self.path = path
        self._slot_bytes = slot_bytes
        self._monotonic = monotonic
        self._descriptor: int | None = None
        self._number = 0
        self._older = 0
        self._older_at_s: float | None = None

    def load(self) -> list[bytes]:
        """What was saved and is whole, the newest first. Saving goes on after it."""
        found: dict[int, bytes] = {}
        try:
            with self.path.open("rb") as file:
                while slot := file.read(self._slot_bytes):
                    if (read := _read(slot)) is not None:
                        found[read[0]] = read[1]
        except OSError:
            return []
        self._number = max(found, default=self._number)
        return [found[number] for number in sorted(found, reverse=True)]

    def save(self, content: bytes) -> None:
        """Never raises: a disk that is full or ill leaves what was saved before."""
        if len(content) > self._slot_bytes - _HEAD.size:
            return
        self._number += 1
        check = zlib.crc32(content, self._number & 0xFFFFFFFF)
        data = _HEAD.pack(_MAGIC, self._number, len(content), check) + content
        try:
            self._put(self._number % _NEWEST_SLOTS, data)
            now_s = self._monotonic()
            if self._older_at_s is None or now_s - self._older_at_s >= _OLDER_EVERY_S:
                self._older_at_s = now_s
                self._older = (self._older + 1) % _OLDER_SLOTS
                self._put(_NEWEST_SLOTS + self._older, data)
        except OSError:
            self.close()

    def _put(self, slot: int, data: bytes) -> None:
        if self._descriptor is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, _FLAGS, 0o600)
        os.pwrite(self._descriptor, data, slot * self._slot_bytes)

    def close(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Close it and have it gone."""
        self.close()
        with contextlib.suppress(OSError):
            self.path.unlink()


def _read(slot: bytes) -> tuple[int, bytes] | None:
    if len(slot) < _HEAD.size:
        return None
    magic, number, length, check = _HEAD.unpack_from(slot)
    content = slot[_HEAD.size : _HEAD.size + length]
    if magic != _MAGIC or len(content) != length:
        return None
    whole = zlib.crc32(content, number & 0xFFFFFFFF) == check
    return (number, content) if whole else None
