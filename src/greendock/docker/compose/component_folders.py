"""Reads compose files in a component's own folders, and nowhere else.

The folders belong to the component's user, who may put links there while we read as root: nothing
is followed. A folder can stand for another one, so that files which are about to be swapped in are
read under the names that they will have. Blocking: call it in a thread.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from greendock.docker.compose.document import LARGEST_BYTES

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class ComponentFolders:
    """`places`: where the content of each folder is now, by the name that scripts know it by."""

    def __init__(self, places: Mapping[Path, Path]) -> None:
        self._places = places
        self._read: dict[str, str | None] = {}

    def read(self, path: str) -> str | None:
        """The text of a regular file below one of the folders; None for everything else, and for
        what has more than a compose file may have."""
        path = posixpath.normpath(path)
        if path not in self._read:
            self._read[path] = self._text(path)
        return self._read[path]

    def _text(self, path: str) -> str | None:
        for name, place in self._places.items():
            with suppress(ValueError, OSError):
                below = PurePosixPath(path).relative_to(name)
                return _read_below(place, below.parts)
        return None


def _read_below(folder: Path, parts: tuple[str, ...]) -> str | None:
    """Raises OSError: it isn't there, or a link is on the way."""
    if not parts or ".." in parts:
        return None
    descriptor = os.open(folder, _FOLDER)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        file = os.open(parts[-1], _FILE, dir_fd=descriptor)
    finally:
        os.close(descriptor)
    with os.fdopen(file, "rb") as data:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "no regular file")
        text = data.read(LARGEST_BYTES + 1)
    return text.decode(errors="replace")
