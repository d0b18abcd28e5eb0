"""The listening Unix socket: made at its path with mode 0666, removed when closed.

Any user may connect, the token decides. Takes over the socket file of a dead core, never that of
a live one (which also holds the root's lock) and never anything that is no socket.

A path of 108 bytes or more does not fit into a socket address. The address then goes through an
open descriptor of the folder (`/proc/self/fd/<n>/<name>`), which names the same file; clients
with a short address for it (a link, a relative path, the same way) connect as usual.
"""

from __future__ import annotations

import os
import socket
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from greendock.base.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator

ADDRESS_BYTES = 108
MODE = 0o666
_BACKLOG = 128


class Listener:
    """A bound and listening socket, and the file that it stands for."""

    def __init__(self, path: Path) -> None:
        """Blocks on the disk. Raises DeviceError."""
        self.path = path
        try:
            with short_address(path) as address:
                _remove_leftover(path, address)
                self.socket = _listen(address)
            self._inode = path.stat().st_ino
        except OSError as error:
            raise DeviceError(f"cannot listen on {path}: {error.strerror or error}") from error

    def remove_file(self) -> None:
        """Remove the socket file, unless another one has taken its place."""
        with suppress(OSError):
            if self.path.lstat().st_ino == self._inode:
                self.path.unlink()


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """A text for `path` that fits into a socket address, valid inside the block."""
    if len(os.fsencode(path)) < ADDRESS_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _listen(address: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.setblocking(False)
        listening.bind(address)
        # Between these two nobody can connect yet, so the mode is right from the first client on.
        Path(address).chmod(MODE)
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def _remove_leftover(path: Path, address: str) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise DeviceError(
            f"cannot listen on {path}: something that is no socket is there",
            hint="move it away and start the core again",
        )
    if _is_answered(address):
        raise DeviceError(
            f"cannot listen on {path}: another process listens there",
            hint="stop the other core of this root folder first",
        )
    path.unlink()


def _is_answered(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except BlockingIOError:
            return True
    return True
