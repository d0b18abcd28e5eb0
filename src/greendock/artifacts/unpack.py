"""Unpacks ZIP artifacts without letting an entry out of its folder.

Refused: absolute names, `..`, drive letters, links, encrypted entries, and archives whose content
would not fit in the space that is left.
"""

from __future__ import annotations

import stat
import threading
import zipfile
from pathlib import Path, PurePosixPath

from greendock.base.errors import ArtifactError

_CHUNK_BYTES = 1 << 20


def unpacked_size(archive: Path) -> int:
    """The bytes that `archive` says its entries hold; raises ArtifactError for no ZIP."""
    with _opened(archive) as file:
        return sum(entry.file_size for entry in file.infolist())


def unpack_zip(archive: Path, target: Path, cancelled: threading.Event) -> None:
    """Unpack into `target` (made new). Raises ArtifactError, OSError, InterruptedError."""
    target.mkdir(mode=0o755, parents=True)
    with _opened(archive) as file:
        for entry in file.infolist():
            path = target / _safe_name(archive, entry)
            if entry.is_dir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            _extract(file, entry, path, cancelled)


def _opened(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, OSError) as error:
        raise _refused(archive, str(error)) from error


def _safe_name(archive: Path, entry: zipfile.ZipInfo) -> PurePosixPath:
    name = PurePosixPath(entry.filename.replace("\\", "/"))
    parts = name.parts
    if name.is_absolute() or ".." in parts or not parts or ":" in parts[0]:
        raise _refused(archive, f"entry {entry.filename!r} would leave the folder")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise _refused(archive, f"entry {entry.filename!r} is a link")
    return name


def _extract(
    file: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, cancelled: threading.Event
) -> None:
    left = entry.file_size
    try:
        with file.open(entry) as source, path.open("xb") as target:
            while chunk := source.read(_CHUNK_BYTES):
                if cancelled.is_set():
                    raise InterruptedError
                left -= len(chunk)
                if left < 0:
                    raise _refused(
                        file.filename, f"entry {entry.filename!r} is larger than stated"
                    )
                target.write(chunk)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, FileExistsError) as error:
        raise _refused(file.filename, f"entry {entry.filename!r}: {error}") from error
    executable = (entry.external_attr >> 16) & 0o100
    path.chmod(0o700 if executable else 0o600)


def _refused(archive: Path | str | None, why: str) -> ArtifactError:
    return ArtifactError(
        f"cannot unpack {archive}: {why}", codes=("ARTIFACT_DOWNLOAD_ERROR", "IO_UNZIP_ERROR")
    )
