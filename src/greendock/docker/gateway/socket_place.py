"""The socket file of one gateway: made where only its user can use it, gone when closed.

Folders are reached through descriptors, so no link that somebody put in their place is followed.
A path that doesn't fit into a socket address gets a short one besides: a link in a folder of
ours, outside the root. Blocks on the disk. Called by the gateway and, for what an earlier life
left, by the daemon.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import socket
import stat
import tempfile
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from greendock.base.errors import DeviceError
from greendock.base.own_folders import made_folder, opened_folder

_log = logging.getLogger("greendock.docker")
_BACKLOG = 256
_LONGEST_ADDRESS = 107  # sockaddr_un of Linux: 108 bytes with the closing zero
_OUTER_MODE = 0o711
_SOCKET_MODE = 0o600
_PREFIX = "docker-"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class SocketPlace:
    """`path` is `<run>/<component>/docker-<generation>/docker.sock`; `<run>` is there.

    `address` is the path that clients connect to.
    """

    def __init__(self, path: Path, uid: int, gid: int) -> None:
        self.path = path
        self.address = path
        self._uid = uid
        self._gid = gid
        self._link: Path | None = None
        self._folder: Path | None = None

    def open(self) -> socket.socket:
        """A socket that listens. Raises DeviceError."""
        try:
            try:
                return self._listen()
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                # A device whose disk is full has to go on.
                self._move_to_memory()
                return self._listen()
        except OSError as error:
            raise DeviceError.of(f"listen on {self.path}", error) from error

    def _listen(self) -> socket.socket:
        inner, outer = self.path.parent, self.path.parent.parent
        is_shared = os.geteuid() != self._uid
        with (
            opened_folder(outer.parent) as run,
            made_folder(outer.name, run, _OUTER_MODE) as above,
            made_folder(inner.name, above, 0o711 if is_shared else 0o700) as folder,
        ):
            listening = self._bind(folder)
        try:
            if len(os.fsencode(self.path)) > _LONGEST_ADDRESS:
                self._shorten()
        except BaseException:
            listening.close()
            raise
        return listening

    def _move_to_memory(self) -> None:
        _remove(self.path.parent)
        inner, outer = self.path.parent, self.path.parent.parent
        self._folder = _links_folder(outer.parent)
        self.path = self.address = self._folder / outer.name / inner.name / self.path.name

    def close(self) -> None:
        """Remove what `open` made."""
        if self._link is not None:
            with suppress(OSError):
                self._link.unlink()
            self._link = None
        _remove(self.path.parent)
        if self._folder is not None:
            for folder in (self.path.parent.parent, self._folder):
                if folder.is_relative_to(self._folder):
                    with suppress(OSError):
                        folder.rmdir()

    def _bind(self, folder: int) -> socket.socket:
        _remove_socket(self.path.name, folder)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            listening.setblocking(False)
            # Linux gives the file the mode that its socket has: it never had a wider one.
            os.fchmod(listening.fileno(), _SOCKET_MODE)
            listening.bind(f"/proc/self/fd/{folder}/{self.path.name}")
            os.chmod(self.path.name, _SOCKET_MODE, dir_fd=folder)
            if os.geteuid() == 0:
                os.chown(
                    self.path.name, self._uid, self._gid, dir_fd=folder, follow_symlinks=False
                )
            listening.listen(_BACKLOG)
        except BaseException:
            listening.close()
            raise
        return listening

    def _shorten(self) -> None:
        links = self._folder = _links_folder(self.path.parent.parent.parent)
        _remove_dead_links(links)
        link = links / hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        link.unlink(missing_ok=True)
        link.symlink_to(self.path.parent)
        self._link = link
        self.address = link / self.path.name


def remove_stale(run: Path, keep: Collection[Path]) -> None:
    """Remove the sockets below `run` that are not in `keep`, with their folders."""
    kept = {path.parent for path in keep}
    try:
        found = [x for outer in run.iterdir() for x in _folders_in(outer) if x not in kept]
    except OSError as error:
        _log.warning("cannot look into %s: %s", run, error)
        return
    for folder in found:
        _remove(folder)


def _folders_in(outer: Path) -> list[Path]:
    if outer.is_symlink() or not outer.is_dir():
        return []
    return [entry for entry in outer.iterdir() if entry.name.startswith(_PREFIX)]


def _remove(folder: Path) -> None:
    """What is not ours in it keeps the folder."""
    with suppress(OSError), opened_folder(folder.parent) as above:
        with suppress(OSError), opened_folder(folder.name, above) as inner:
            _remove_socket("docker.sock", inner)
        os.rmdir(folder.name, dir_fd=above)


def _remove_socket(name: str, folder: int) -> None:
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise FileExistsError(17, "something that is no socket is there", name)
        os.unlink(name, dir_fd=folder)


def _links_folder(run: Path) -> Path:
    """A folder of ours with a short path: the same one for the same root, where there is a place
    that nobody else can write to."""
    name = f"greendock-{hashlib.sha256(os.fsencode(run)).hexdigest()[:12]}"
    base = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "")
    if not base or not Path(base).is_dir():
        return Path(tempfile.mkdtemp(prefix="greendock-"))
    with opened_folder(base) as above, made_folder(name, above, _OUTER_MODE) as folder:
        if os.fstat(folder).st_uid != os.geteuid():
            raise PermissionError(1, "the folder belongs to somebody else", f"{base}/{name}")
    return Path(base) / name


def _remove_dead_links(links: Path) -> None:
    for link in links.iterdir():
        if link.is_symlink() and not link.exists():
            with suppress(OSError):
                link.unlink()
