"""Where each byte of a bundle stands: a plain tar archive in one fixed form; pure.

The index is the first member, its SHA-256 the second, then come the members in the order of the
index. Everything but their content follows from the index: a reader compares every header and
all padding with what would have been written, so that a link, a device or a changed byte has no
place to stand. Called by reading and writing.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from greendock.bundle.errors import BundleError
from greendock.bundle.index import INDEX, INDEX_DIGEST, BundleIndex

BLOCK_BYTES = tarfile.BLOCKSIZE
END = b"\0" * (2 * BLOCK_BYTES)
"""What a tar archive ends with."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One member: its header, and where its content begins and how long it is."""

    name: str
    header: bytes
    offset: int
    size: int

    @property
    def end(self) -> int:
        """Where the next header begins."""
        return self.offset + self.size + padding(self.size)


def header(name: str, size: int, modified_s: int) -> bytes:
    """The tar header of a regular file, in GNU form, which has no limit on names and sizes."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, modified_s, 0o644
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def header_of_index(block: bytes) -> tuple[int, int]:
    """Size of the index and the archive's time, from the first block. Raises BundleError."""
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError, ValueError) as error:
        raise BundleError("it is no bundle") from error
    if info.name != INDEX or info.size < 0 or info.mtime < 0:
        raise BundleError("it is no bundle")
    return info.size, int(info.mtime)


def modified_s(index: BundleIndex) -> int:
    """The time that all headers carry: when the bundle was made. Raises BundleError."""
    try:
        return int(datetime.fromisoformat(index.created).timestamp())
    except ValueError as error:
        raise BundleError(f"its time {index.created!r} can't be read") from error


def created_text(seconds: float) -> str:
    """A time (seconds since the epoch) as the index has it."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def digest_text(index_bytes: bytes) -> bytes:
    """The second member, as `sha256sum --check` takes it."""
    return f"{hashlib.sha256(index_bytes).hexdigest()}  {INDEX}\n".encode()


def padding(size: int) -> int:
    """How many zero bytes follow a member of that size."""
    return -size % BLOCK_BYTES


def slots(index: BundleIndex, index_size: int) -> Iterator[Slot]:
    """Every member in order, the index and its digest included."""
    time_s = modified_s(index)
    sizes = [(INDEX, index_size), (INDEX_DIGEST, len(digest_text(b"")))]
    sizes += [(member.name, member.size) for member in index.members]
    position = 0
    for name, size in sizes:
        head = header(name, size, time_s)
        slot = Slot(name, head, position + len(head), size)
        yield slot
        position = slot.end
