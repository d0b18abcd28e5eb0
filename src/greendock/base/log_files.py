"""A log file that rotates by size and hour, within a total size, without losing or moving a line.

Buffers what arrives in one turn of the event loop and writes it at once. A disk that is full drops
lines and counts them; the count is written as soon as there is space again. logs.py formats.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from greendock.base.clock import Clock
from greendock.base.crash_points import crash_point

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_BUFFER_BYTES = 64 * 1024
_RECHECK_S = 1.0


class Mark(NamedTuple):
    """A place in a log: the inode of one of its files, and the bytes of it before the place."""

    inode: int = 0
    size: int = 0


class RotatingFile:
    """One `<name>.log` and its predecessors `<name>_yyyy_MM_dd_HH_<i>.log` (local time).

    `lost_line(count)` makes the line that tells of lost lines. `is_active` tells other names'
    current files, which are never removed even where their name looks like a predecessor's.
    Usable from any thread.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        lost_line: Callable[[int], bytes],
        is_active: Callable[[Path], bool],
    ) -> None:
        self._path = path
        self._clock = clock
        self._lost_line = lost_line
        self._is_active = is_active
        self.file_size_bytes = 1024 * 1024
        self.total_bytes = 10 * 1024 * 1024
        self._old = re.compile(re.escape(path.stem) + r"_(\d{4}_\d\d_\d\d_\d\d)_(\d+)\.log")
        self._lock = threading.RLock()
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._scheduled: asyncio.AbstractEventLoop | None = None
        self._descriptor: int | None = None
        self._size = 0
        self._inode = 0
        self._hour = ""
        self._checked = 0.0
        self.lost = 0
        self.on_flush: Callable[[Mark], None] | None = None
        """Called after lines went to the disk, or were lost: nothing is pending then."""

    def append(self, line: bytes) -> None:
        """Take a line (with its end); it is on its way to the disk before the loop's next turn."""
        with self._lock:
            self._pending.append(line)
            self._pending_bytes += len(line)
            if self._pending_bytes >= _BUFFER_BYTES or not self._schedule():
                self.flush()

    def _schedule(self) -> bool:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if self._scheduled is not loop:
            loop.call_soon(self.flush)
            self._scheduled = loop
        return True

    def flush(self) -> None:
        """Write what is pending. Never raises for a disk that can't take it."""
        with self._lock:
            self._scheduled = None
            lines, self._pending, self._pending_bytes = self._pending, [], 0
            if not lines:
                return
            try:
                self._write(lines)
            except OSError:
                self._close_descriptor()
            crash_point("log.written")
            if self.on_flush is not None:
                self.on_flush(self.end())

    def end(self) -> Mark:
        """The end of the file, without what is pending."""
        if self._descriptor is None:
            with self._lock, contextlib.suppress(OSError):
                self._open()
        return Mark(self._inode, self._size)

    def close(self) -> None:
        """Write what is pending and let go of the file; a later line opens it again."""
        with self._lock:
            self.flush()
            self._close_descriptor()

    def _write(self, lines: list[bytes]) -> None:
        """Count every line that didn't get to the disk in `lost`."""
        lost, self.lost = self.lost, self.lost + len(lines)
        if lost:
            lines = [self._lost_line(lost), *lines]
        self._open()
        self._rotate_by_hour()
        start = 0
        while start < len(lines):
            end = self._fitting(lines, start)
            if end == start:
                self._rotate()
                end = start + 1
            self._put(lines[start:end])
            written = end - start
            if lost and start == 0:
                self.lost -= lost
                written -= 1
            self.lost -= written
            start = end

    def _fitting(self, lines: list[bytes], start: int) -> int:
        """The end of the longest run from `start` that fits; an empty file takes any line."""
        size, end = self._size, start
        while end < len(lines) and (size == 0 or size + len(lines[end]) <= self.file_size_bytes):
            size += len(lines[end])
            end += 1
        return end

    def _put(self, lines: list[bytes]) -> None:
        """All of `lines` or none of them: a torn line is cut off again."""
        data = b"".join(lines)
        descriptor = self._descriptor
        assert descriptor is not None  # noqa: S101  # _open went before
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(descriptor, view) :]
        except OSError:
            if len(view) != len(data):
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, self._size)
            raise
        self._size += len(data)

    def _open(self) -> None:
        now = self._clock.monotonic()
        if self._descriptor is not None:
            if now - self._checked < _RECHECK_S or self._is_in_place(self._descriptor):
                return
            self._close_descriptor()
        self._checked = now
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, _FLAGS, 0o600)
        status = os.fstat(self._descriptor)
        self._size, self._inode = status.st_size, status.st_ino
        if self._size and _is_torn(self._path):
            self._put([b"\n"])
        self._hour = _hour(status.st_mtime if status.st_size else self._clock.now())

    def _is_in_place(self, descriptor: int) -> bool:
        """False when somebody moved or removed the file: lines into it would be lost."""
        self._checked = self._clock.monotonic()
        try:
            there = self._path.lstat()
        except OSError:
            return False
        here = os.fstat(descriptor)
        return (there.st_ino, there.st_dev) == (here.st_ino, here.st_dev)

    def _rotate_by_hour(self) -> None:
        hour = _hour(self._clock.now())
        if hour != self._hour:
            if self._size:
                self._rotate()
            self._hour = hour

    def _rotate(self) -> None:
        """Rename the current file and begin a new one; on failure go on with the old one."""
        try:
            self._path.rename(self._free_name())
        except OSError:
            return
        self._close_descriptor()
        self._remove_oldest()
        self._open()

    def _free_name(self) -> Path:
        old = self._predecessors()
        index = 1 + max((i for hour, i, _ in old if hour == self._hour), default=-1)
        while True:
            path = self._path.with_name(f"{self._path.stem}_{self._hour}_{index}.log")
            if not path.exists():
                return path
            index += 1

    def _predecessors(self) -> list[tuple[str, int, Path]]:
        """Hour, index and path of each, oldest first."""
        found: list[tuple[str, int, Path]] = []
        for path in self._path.parent.iterdir():
            match = self._old.fullmatch(path.name)
            if match is not None and not self._is_active(path):
                found.append((match.group(1), int(match.group(2)), path))
        return sorted(found)

    def _remove_oldest(self) -> None:
        """Keep the predecessors and one full current file within the total."""
        sizes: list[tuple[Path, int]] = []
        for _, _, path in self._predecessors():
            with contextlib.suppress(OSError):
                sizes.append((path, path.stat().st_size))
        total = sum(size for _, size in sizes) + self.file_size_bytes
        for path, size in sizes:
            if total <= self.total_bytes:
                return
            with contextlib.suppress(OSError):
                path.unlink()
                total -= size

    def _close_descriptor(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


def _is_torn(path: Path) -> bool:
    """Whether the last line has no end: its writer was killed in the middle of it."""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _hour(at: float) -> str:
    return time.strftime("%Y_%m_%d_%H", time.localtime(at))
