"""Writes a bundle, each byte once: the place of the index is kept free and filled at the end.

Writes to `FILE.part` and renames; whatever goes wrong before leaves nothing behind. Gets content
from its caller in pieces and holds none. Blocking. Called by the command line.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path
from types import TracebackType

import msgspec

from greendock.base.durable import sync_folder
from greendock.base.errors import DeviceError, UsageError
from greendock.bundle.errors import BundleError
from greendock.bundle.index import (
    MAX_INDEX_BYTES,
    UNKNOWN_SIZE,
    BundleIndex,
    Member,
    check_index,
    encode_index,
)
from greendock.bundle.layout import (
    END,
    digest_text,
    header,
    modified_s,
    padding,
    slots,
)


class MemberSink:
    """Takes the content of one member; `size` is how much came so far."""

    def __init__(self, file: BufferedWriter) -> None:
        self._file = file
        self._sum = hashlib.sha256()
        self.size = 0

    def write(self, piece: bytes) -> None:
        """Raises OSError."""
        self._file.write(piece)
        self._sum.update(piece)
        self.size += len(piece)

    @property
    def sha256(self) -> str:
        return self._sum.hexdigest()


class BundleWriter:
    """One new bundle at `path`; use it with `with`, and `finish` it before the end.

    `draft` is the index with UNKNOWN_SIZE and UNKNOWN_DIGEST where writing finds them out. The
    file is readable for its owner only: artifacts may be secret. Raises BundleError for a draft
    that could not be read again, UsageError when `path` is taken, DeviceError.
    """

    def __init__(self, path: Path, draft: BundleIndex, *, overwrite: bool) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self.draft = draft
        self._overwrite = overwrite
        self._written: list[Member] = []
        self._reserved = len(encode_index(draft))
        check_index(draft)
        if self._reserved > MAX_INDEX_BYTES:
            raise BundleError(f"cannot write {path}: it would hold too many files")
        self._require_free()
        self._file = self._open()

    def __enter__(self) -> BundleWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing stays of a bundle that was not finished."""
        if not self._file.closed:
            self._part.unlink(missing_ok=True)
            self._file.raw.close()  # without a flush, which a full disk would refuse again
        if isinstance(error, OSError):
            raise self._failure(error) from error

    @contextmanager
    def member(self, name: str) -> Iterator[MemberSink]:
        """Write the next member, which is the draft's next one of that name.

        Raises BundleError when its size is not that of the draft.
        """
        planned = self.draft.members[len(self._written)]
        if planned.name != name:
            raise ValueError(f"{planned.name} comes before {name}")
        place = self._file.tell()
        time_s = modified_s(self.draft)
        head = header(name, planned.size, time_s)
        self._file.write(head)
        sink = MemberSink(self._file)
        yield sink
        if planned.size == UNKNOWN_SIZE:
            self._patch(place, header(name, sink.size, time_s), len(head))
        elif planned.size != sink.size:
            raise BundleError(
                f"cannot write {self._path}: {name} had {planned.size} bytes and has {sink.size} "
                "now",
                hint="something changes it; try again",
            )
        self._file.write(bytes(padding(sink.size)))
        self._written.append(Member(name, sink.size, sink.sha256))

    def finish(self) -> BundleIndex:
        """Write the index, make the file durable and give it its name. Raises DeviceError."""
        index = msgspec.structs.replace(self.draft, members=tuple(self._written))
        check_index(index)
        try:
            self._file.write(END)
            self._write_index(index)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._require_free()
            self._require_own()
            self._part.replace(self._path)
            self._file.close()
            sync_folder(self._path.parent)
        except OSError as error:
            raise self._failure(error) from error
        return index

    def _write_index(self, index: BundleIndex) -> None:
        data = encode_index(index)
        data = data.rstrip(b"\n").ljust(self._reserved - 1) + b"\n"
        places = slots(index, len(data))
        for slot, content in zip(places, (data, digest_text(data)), strict=False):
            self._file.seek(slot.offset - len(slot.header))
            self._file.write(slot.header + content + bytes(padding(slot.size)))

    def _patch(self, place: int, head: bytes, expected: int) -> None:
        """Replace a header that was written with an unknown size."""
        if len(head) != expected:
            raise ValueError("the header changed its length")
        end = self._file.tell()
        self._file.seek(place)
        self._file.write(head)
        self._file.seek(end)

    def _open(self) -> BufferedWriter:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._part.unlink(missing_ok=True)  # of one that was killed
            file = os.fdopen(os.open(self._part, flags, 0o600), "wb")
            file.seek(self._first_member())
        except OSError as error:
            raise self._failure(error) from error
        return file

    def _first_member(self) -> int:
        """Where the first member's header begins, behind the index and its digest."""
        bare = msgspec.structs.replace(self.draft, members=())
        return max(slot.end for slot in slots(bare, self._reserved))

    def _require_free(self) -> None:
        if self._path.is_dir():
            raise UsageError(f"cannot write {self._path}: it is a folder")
        if not self._overwrite and (self._path.exists() or self._path.is_symlink()):
            raise UsageError(
                f"cannot write {self._path}: it exists", hint="give another name, or --force"
            )

    def _require_own(self) -> None:
        if not os.path.samestat(os.fstat(self._file.fileno()), self._part.lstat()):
            raise UsageError(f"cannot write {self._path}: another process writes it too")

    def _failure(self, error: OSError) -> DeviceError:
        return DeviceError.of(f"write {self._path}", error)
