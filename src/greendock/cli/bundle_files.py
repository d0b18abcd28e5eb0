"""The artifact files of a deployed component: listed, and opened again to be packed.

The folder belongs to the component's user, who may put links there at any time, also to files
that only we may read: no link is followed, and somebody else's file under a second name is passed
over. Raises DeviceError for what can't be read, rather than packing less.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from greendock.base.errors import DeviceError
from greendock.bundle.index import Artifact
from greendock.cli.output import warn

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file below an artifact folder."""

    artifact: Artifact
    size: int


def list_files(folder: Path) -> list[FoundFile]:
    """All regular files, in the order of their paths; none when there is no folder."""
    if not folder.exists():
        return []
    found: list[FoundFile] = []
    try:
        for parent, _, names, descriptor in os.fwalk(folder, onerror=_raise):
            owner = os.fstat(descriptor).st_uid
            for name in names:
                path = Path(parent, name)
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                if _is_own(status, owner):
                    found.append(_entry(path.relative_to(folder).as_posix(), status))
                else:
                    warn(f"warning: {path} is left out: it is not a regular file of its own")
    except OSError as error:
        raise _unreadable(folder, error) from error
    return sorted(found, key=lambda each: each.artifact.path)


def open_file(folder: Path, path: str) -> FileIO:
    """One of the listed files, to be read."""
    *parents, name = path.split("/")
    descriptor = -1
    try:
        descriptor = os.open(folder, _READ | os.O_DIRECTORY)
        for parent in parents:
            below = os.open(parent, _READ | os.O_DIRECTORY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        owner = os.fstat(descriptor).st_uid
        opened = os.open(name, _READ, dir_fd=descriptor)
    except OSError as error:
        raise _unreadable(folder / path, error) from error
    finally:
        if descriptor >= 0:
            os.close(descriptor)
    if not _is_own(os.fstat(opened), owner):
        os.close(opened)
        raise DeviceError(f"cannot pack {folder / path}: something put another file there")
    return FileIO(opened, "r")


def _is_own(status: os.stat_result, owner: int) -> bool:
    if not stat.S_ISREG(status.st_mode):
        return False
    return status.st_nlink == 1 or status.st_uid == owner


def _entry(path: str, status: os.stat_result) -> FoundFile:
    mode = stat.S_IMODE(status.st_mode) & 0o777
    return FoundFile(Artifact(path, mode, max(status.st_mtime_ns, 0)), status.st_size)


def _raise(error: OSError) -> None:
    raise error


def _unreadable(path: Path, error: OSError) -> DeviceError:
    return DeviceError(
        f"cannot pack {error.filename or path}: {error.strerror or error}",
        codes=("IO_ERROR", "IO_READ_ERROR"),
        hint="run this as root, or as the user of the core",
    )
