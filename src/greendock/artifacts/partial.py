"""Keeps what there is of a file that is being fetched, so that it goes on after any interruption.

Beside the bytes (`FILE.part`) there is a note (`FILE.json`) of what they are: URI, etag and size.
Both are below `@partial`, a name that no component can have, apart from finished files. Decides
nothing about retries. Blocking: call it in a thread.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from greendock.artifacts.model import ObjectInfo
from greendock.base.durable import sync_folder, write_atomic
from greendock.base.errors import ArtifactError
from greendock.base.paths import safe_part

PARTS_FOLDER = "@partial"
_LONGEST_NAME_BYTES = 240
"""Room for what is added to it, within the 255 of common file systems."""


@dataclass(frozen=True, slots=True)
class Note:
    """What the bytes are."""

    uri: str
    etag: str
    size_bytes: int


class PartialFile:
    """One file below a downloads folder. Raises ArtifactError for a name that can't be one."""

    def __init__(self, downloads: Path, component: str, version: str, name: str) -> None:
        below = Path(safe_part(component)) / safe_part(version)
        _require_file_name(name)
        self.finished = downloads / below / name
        self._parts = downloads / PARTS_FOLDER / below
        self._part = self._parts / f"{name}.part"
        self._note = self._parts / f"{name}.json"

    def is_finished(self, uri: str, info: ObjectInfo) -> bool:
        """Whether the whole object is there already."""
        return self._is_of(uri, info) and _size(self.finished) == info.size_bytes

    def bytes_there(self, uri: str, info: ObjectInfo) -> int:
        """How much of the object is there."""
        if not self._is_of(uri, info):
            return 0
        if _size(self.finished) == info.size_bytes:
            return info.size_bytes
        size = _size(self._part)
        return size if 0 < size <= info.size_bytes else 0

    def begin(self, uri: str, info: ObjectInfo) -> int:
        """Get ready to add bytes: where to go on. What is of another object is dropped."""
        for folder in (self._parts, self.finished.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        offset = self.bytes_there(uri, info)
        if offset == 0:
            self.drop()
            note = {"uri": uri, "etag": info.etag, "size": info.size_bytes}
            write_atomic(self._note, json.dumps(note).encode())
            self.add(0, b"")
        return offset

    def add(self, offset: int, data: bytes) -> None:
        """Write `data` at `offset`, the end of what is there."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(self._part, flags, 0o600), "wb") as file:
            file.seek(offset)
            file.write(data)

    @property
    def part(self) -> Path:
        return self._part

    def finish(self) -> Path:
        """All bytes are there and right: give them their name, durably."""
        descriptor = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._part.replace(self.finished)
        sync_folder(self.finished.parent)
        return self.finished

    def drop(self) -> None:
        """Nothing of it is there any more."""
        for path in (self._part, self.finished, self._note):
            path.unlink(missing_ok=True)

    def _is_of(self, uri: str, info: ObjectInfo) -> bool:
        note = _read_note(self._note)
        return bool(info.etag) and note == Note(uri, info.etag, info.size_bytes)


def sweep(downloads: Path, keep: frozenset[Path], parts_older_than: float) -> None:
    """Remove finished files that are not in `keep`, and unfinished ones last written before a
    time (seconds since the epoch). What can't be removed stays."""
    parts = downloads / PARTS_FOLDER
    for parent, folders, names in os.walk(downloads, topdown=False):
        place = Path(parent)
        for name in names:
            path = place / name
            if place.is_relative_to(parts):
                finished = downloads / place.relative_to(parts) / name.removesuffix(".json")
                is_over = _is_lone_note(path) and finished not in keep
                is_over = is_over or _is_older(path, parts_older_than)
            else:
                is_over = path not in keep
            if is_over:
                _remove(path)
        for name in folders:
            with suppress(OSError):
                (place / name).rmdir()


def _is_lone_note(path: Path) -> bool:
    return path.suffix == ".json" and not path.with_suffix(".part").exists()


def _is_older(path: Path, than: float) -> bool:
    """A note is as old as its bytes."""
    bytes_of = path.with_suffix(".part") if path.suffix == ".json" else path
    for candidate in (bytes_of, path):
        with suppress(OSError):
            return candidate.lstat().st_mtime < than
    return False


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _require_file_name(name: str) -> None:
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        size = 0
    is_plain = name not in (".", "..") and "/" not in name and name.isprintable()
    if not is_plain or not 0 < size <= _LONGEST_NAME_BYTES:
        raise ArtifactError(
            f"cannot fetch an artifact: {name[:80]!r} cannot be the name of a file here",
            codes=("ARTIFACT_DOWNLOAD_ERROR", "S3_ARTIFACT_URI_NOT_VALID"),
            hint=f"store it under a key that ends with a name of at most {_LONGEST_NAME_BYTES} "
            "bytes",
        )


def _size(path: Path) -> int:
    """-1 when there is no such regular file."""
    try:
        status = path.lstat()
    except OSError:
        return -1
    return status.st_size if stat.S_ISREG(status.st_mode) else -1


def _read_note(path: Path) -> Note | None:
    try:
        data = json.loads(path.read_bytes())
        return Note(data["uri"], data["etag"], data["size"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
