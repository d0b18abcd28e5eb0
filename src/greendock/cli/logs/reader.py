"""Reads the lines of one log over its rotated files, and goes on where it stopped.

Holds one open file and one unfinished line. A file that is renamed under it is read to its end
before the next one, so that following a log loses nothing to rotation. Chooses no lines.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from greendock.cli.errors import CliError
from greendock.cli.logs.file_names import in_order, log_of


class LogReader:
    """The log that `path` belongs to. `whole` starts at its oldest file, else at `path` itself.

    With `follow`, a last line without an end is kept until its end has been written.
    """

    def __init__(self, path: Path, *, whole: bool, follow: bool) -> None:
        self._folder = path.parent
        self._log, place = log_of(path.name)
        self._follow = follow
        self._goes_on = whole or (follow and place.is_active)
        """Whether later files of the log are read too."""
        self._file: BinaryIO | None = None
        self._unfinished = b""
        self._first = ((self._names() if whole else []) or [path.name])[0]
        self._open(self._first)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def modified_ms(self) -> int:
        """When the file that is being read was last written; 0 without one."""
        return 0 if self._file is None else os.fstat(self._file.fileno()).st_mtime_ns // 1_000_000

    def lines(self) -> Iterator[str]:
        """All lines up to now; call it again for those that came since."""
        while True:
            if self._file is None and not self._open(self._first):
                return
            yield from self._rest()
            following = self._following() if self._goes_on else None
            if following is None:
                break
            yield from self._rest()  # what was written between the last read and the renaming
            if not self._open(following):
                break
            if self._unfinished:
                yield self._take(b"")
        if self._unfinished and not self._follow:
            yield self._take(b"")

    def _rest(self) -> Iterator[str]:
        file = self._file
        if file is None:
            return
        if os.fstat(file.fileno()).st_size < file.tell():
            file.seek(0)
            self._unfinished = b""
        while part := file.readline():
            if part.endswith(b"\n"):
                yield self._take(part)
            else:
                self._unfinished += part

    def _take(self, part: bytes) -> str:
        line, self._unfinished = self._unfinished + part, b""
        return line.decode(errors="replace").rstrip("\r\n")

    def _names(self) -> list[str]:
        try:
            return in_order(os.listdir(self._folder), self._log)  # noqa: PTH208 (names, not paths)
        except OSError:
            return []

    def _following(self) -> str | None:
        """The file after the one that is open, which is known by its inode: its name changes."""
        if self._file is None:
            return None
        current = os.fstat(self._file.fileno())
        after: list[str] = []
        found = False
        for name in self._names():
            try:
                status = (self._folder / name).stat()
            except OSError:
                continue
            if (status.st_dev, status.st_ino) == (current.st_dev, current.st_ino):
                found, after = True, []
            elif found or status.st_mtime_ns >= current.st_mtime_ns:
                after.append(name)
        return after[0] if after else None

    def _open(self, name: str) -> bool:
        """Read from `name` on. False when a file that may still come isn't there: the one that is
        open stays open, so that nothing is read twice."""
        path = self._folder / name
        try:
            opened = path.open("rb")
        except FileNotFoundError as error:
            if self._follow:
                return False
            raise CliError(f"cannot read {path}: there is no such file") from error
        except OSError as error:
            raise CliError(
                f"cannot read {path}: {error.strerror}",
                hint="log files belong to the user of the core; run this as that user or as root",
            ) from error
        self.close()
        self._file = opened
        return True
