"""Reads the small files that hold passwords: password files and Docker's config.json.

Refuses what is no regular file and what is too large to be one of these. Blocks for one read.
Called by the credentials of registries and by the local secrets.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SecretFile:
    """`content` is never shown. `stamp` changes when the file is written or replaced."""

    content: bytes = field(repr=False)
    stamp: tuple[int, int, int]
    is_open_to_others: bool
    """Whether group or others may read it."""


def read_secret_file(path: Path, most_bytes: int) -> SecretFile:
    """Raises OSError, or ValueError for what can't be such a file; without any of its content."""
    # Without O_NONBLOCK a named pipe would hold us until somebody writes into it.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is no regular file")
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(f"it is larger than {most_bytes} bytes")
    return SecretFile(content, _stamp(status), bool(status.st_mode & 0o044))


def stamp_of(path: Path) -> tuple[int, int, int] | None:
    """The stamp that reading the file now would give; None when there is no such file."""
    try:
        return _stamp(path.stat())
    except OSError:
        return None


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_mtime_ns, status.st_size, status.st_ino
