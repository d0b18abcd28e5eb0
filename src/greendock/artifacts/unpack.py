"""Unpacks ZIP artifacts without letting an entry out of its folder.

Refused: absolute names, `..`, drive letters, links, encrypted entries, entries that are larger
than they say, compression that Greengrass's reader doesn't know. Called by staging, into a folder
that nobody else can write to.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import threading
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from greendock.artifacts.changes import Access
from greendock.base.errors import ArtifactError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_BYTES = 1 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
)
"""What the library raises on a faulty archive."""
_FAULTY_NUMBERS = frozenset(
    {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL}
)
"""A name that is taken, or is file and folder, or too long; EINVAL: a place before the start."""


def unpacked_size(archive: Path) -> int:
    """The bytes that `archive` says its entries hold. Raises ArtifactError for no ZIP, OSError."""
    with _opened(archive) as file:
        return sum(entry.file_size for entry in file.infolist())


def unpack_zip(archive: Path, target: Path, access: Access, cancelled: threading.Event) -> None:
    """Unpack into the folder `target`; every file gets `access`.

    Raises ArtifactError, OSError, InterruptedError.
    """
    target.mkdir(mode=0o755, parents=True, exist_ok=True)
    with _opened(archive) as file:
        for entry in file.infolist():
            path = target / _safe_name(archive, entry)
            with _entry_faults(archive, entry):
                folder = path if entry.is_dir() else path.parent
                folder.mkdir(mode=0o755, parents=True, exist_ok=True)
                if not entry.is_dir():
                    _extract(file, entry, path, cancelled)
                    _grant(path, access)


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    # The folder may be the component's: a link there must not name somebody else's archive.
    descriptor = os.open(archive, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as data:
        try:
            file = zipfile.ZipFile(data)
        except _FAULTS as error:
            raise _refused(archive, str(error)) from error
        with file:
            yield file


@contextmanager
def _entry_faults(archive: Path, entry: zipfile.ZipInfo) -> Iterator[None]:
    try:
        yield
    except (*_FAULTS, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _FAULTY_NUMBERS:
            raise
        raise _refused(archive, f"entry {entry.filename!r}: {error}") from error


def _safe_name(archive: Path, entry: zipfile.ZipInfo) -> PurePosixPath:
    name = PurePosixPath(entry.filename.replace("\\", "/"))
    parts = name.parts
    if name.is_absolute() or ".." in parts or not parts or ":" in parts[0]:
        raise _refused(archive, f"entry {entry.filename!r} would leave the folder")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise _refused(archive, f"entry {entry.filename!r} is a link")
    if entry.compress_type not in _METHODS:
        raise _refused(archive, f"entry {entry.filename!r} is neither stored nor deflated")
    return name


def _extract(
    file: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, cancelled: threading.Event
) -> None:
    left = entry.file_size
    with file.open(entry) as source, path.open("xb") as target:
        while chunk := source.read(_CHUNK_BYTES):
            if cancelled.is_set():
                raise InterruptedError
            left -= len(chunk)
            if left < 0:
                raise ValueError("it is larger than stated")
            target.write(chunk)


def _grant(path: Path, access: Access) -> None:
    if access.owner is not None:
        os.chown(path, access.owner.uid, access.owner.gid)
    path.chmod(access.mode)


def _refused(archive: Path, why: str) -> ArtifactError:
    return ArtifactError(
        f"cannot unpack {archive.name}: {why}",
        codes=("ARTIFACT_DOWNLOAD_ERROR", "IO_UNZIP_ERROR"),
    )
