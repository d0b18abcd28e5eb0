"""Reads a bundle: every byte of it is checked before anything of it is used.

The file is hostile: nothing is decompressed, no name becomes a path here, sizes are those of the
index and the index is bounded. The content of a member is checked again each time it is read.
Blocking. Called by the command line.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path

from greendock.bundle.errors import BundleDamaged, BundleError
from greendock.bundle.index import (
    INDEX,
    INDEX_DIGEST,
    MAX_INDEX_BYTES,
    BundleIndex,
    decode_index,
)
from greendock.bundle.layout import (
    BLOCK_BYTES,
    END,
    Slot,
    digest_text,
    header_of_index,
    modified_s,
    padding,
    slots,
)

_CHUNK_BYTES = 1 << 20
_COPY_AGAIN = "copy the file again from where it was made"

OnBytes = Callable[[int], None]
"""Told how many more bytes have been read."""


def _quiet(_count: int) -> None:
    pass


class BundleFile:
    """An open bundle; use it with `with`. Opening reads and checks the index.

    Raises BundleError, BundleTooNew, BundleDamaged. `verify` has to pass before members are used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = self._open()
        try:
            self.size = os.fstat(self._file.fileno()).st_size
            self.index, slots_found = self._read_index()
        except BaseException:
            self._file.close()
            raise
        self._slots = {slot.name: slot for slot in slots_found}

    def __enter__(self) -> BundleFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def verify(self, on_bytes: OnBytes = _quiet) -> None:
        """Read all of it. Raises BundleDamaged at the first byte that isn't what was written."""
        self._require_whole()
        for slot in self._slots.values():
            if self._at(slot.offset - len(slot.header), len(slot.header)) != slot.header:
                raise self._damaged(f"the header of {slot.name} was changed")
            if slot.name not in (INDEX, INDEX_DIGEST):
                for piece in self.read(slot.name):
                    on_bytes(len(piece))
            if any(self._at(slot.offset + slot.size, padding(slot.size))):
                raise self._damaged(f"it has other bytes behind {slot.name}")
        if self._at(self.size - len(END), len(END)) != END:
            raise self._damaged("its end was changed")

    def read(self, name: str) -> Iterator[bytes]:
        """The content of a member, piece by piece; BundleDamaged, at the end, if it is another."""
        slot = self._slots[name]
        wanted = next(member.sha256 for member in self.index.members if member.name == name)
        found = hashlib.sha256()
        position = slot.offset
        end = slot.offset + slot.size
        while position < end:
            piece = self._at(position, min(_CHUNK_BYTES, end - position))
            position += len(piece)
            found.update(piece)
            yield piece
        if found.hexdigest() != wanted:
            raise self._damaged(f"{name} was changed")

    def _open(self) -> FileIO:
        try:
            # Not blocking: what the name leads to may be a pipe.
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
            descriptor = os.open(self.path, flags)
        except OSError as error:
            raise BundleError(f"cannot use {self.path}: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise BundleError(f"cannot use {self.path}: it is not a regular file")
        return FileIO(descriptor, "r")

    def _read_index(self) -> tuple[BundleIndex, list[Slot]]:
        try:
            if self.size < BLOCK_BYTES:
                raise BundleError("it is no bundle")
            size, time_s = header_of_index(self._at(0, BLOCK_BYTES))
            if size > MAX_INDEX_BYTES:
                raise BundleError(f"its index has {size} bytes, more than {MAX_INDEX_BYTES}")
            if size > self.size:
                raise self._damaged(f"it ends too early: {self.size} bytes")
            data = self._at(BLOCK_BYTES, size)
            self._check_digest(data)
            index = decode_index(data)
            if modified_s(index) != time_s:
                raise self._damaged(f"the header of {INDEX} was changed")
        except BundleDamaged:
            raise
        except BundleError as error:
            text = f"cannot use {self.path}: {error.message}"
            raise type(error)(text, hint=error.hint) from error
        return index, list(slots(index, size))

    def _check_digest(self, data: bytes) -> None:
        """The second member has the digest of the first; its place follows from the size."""
        wanted = digest_text(data)
        place = BLOCK_BYTES + len(data) + padding(len(data)) + BLOCK_BYTES
        if place + len(wanted) > self.size:
            raise self._damaged(f"it ends too early: {self.size} bytes")
        if self._at(place, len(wanted)) != wanted:
            raise self._damaged(f"{INDEX} or {INDEX_DIGEST} was changed")

    def _require_whole(self) -> None:
        wanted = max(slot.end for slot in self._slots.values()) + len(END)
        if self.size < wanted:
            raise self._damaged(f"it ends too early: {self.size} of {wanted} bytes")
        if self.size > wanted:
            raise self._damaged(f"it is longer than it was: {self.size} bytes, not {wanted}")

    def _at(self, offset: int, size: int) -> bytes:
        """`size` bytes of the file; BundleDamaged when they aren't there."""
        data = b""
        while len(data) < size:
            try:
                piece = os.pread(self._file.fileno(), size - len(data), offset + len(data))
            except OSError as error:
                raise self._damaged(f"it can't be read: {error.strerror}") from error
            if not piece:
                raise self._damaged("it ends too early")
            data += piece
        return data

    def _damaged(self, what: str) -> BundleDamaged:
        return BundleDamaged(f"cannot use {self.path}: {what}", hint=_COPY_AGAIN)
