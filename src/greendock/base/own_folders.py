"""Folders opened and made through descriptors, so that no link in their place is followed.

For folders below which others may write: a component, or a container that has a part of the root
mounted. Holds no policy. Called by those who keep sockets there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def opened_folder(folder: Path | str, above: int | None = None) -> Iterator[int]:
    """A descriptor of the folder itself, never of one that a link in its place leads to."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(folder, flags, dir_fd=above)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def made_folder(name: str, above: int, mode: int) -> Iterator[int]:
    """The same for a folder in `above` that is made when it isn't there."""
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=above)
    with opened_folder(name, above) as descriptor:
        os.fchmod(descriptor, mode)
        yield descriptor
