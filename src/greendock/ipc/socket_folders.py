"""A folder for each component with the IPC socket and nothing else, for containers to mount.

The socket there is a second name (hard link) of the core's own socket: a client of either reaches
the same listener, and the token decides who it is. The folder stays while its component does, so a
container that has it mounted finds the new socket in it after a restart of the core, where a
mounted socket file would lead nowhere. Called by the daemon; holds no policy.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from greendock.base.own_folders import made_folder, opened_folder
from greendock.base.paths import Paths

_log = logging.getLogger("greendock.ipc")

_SOCKET, _FRESH = "ipc.socket", ".ipc.socket.new"
FOLDER_MODE = 0o711
"""Whoever knows the name of the socket may use it; nobody needs to look around."""


class SocketFolders:
    """The folders under `run/`. A folder that can't be made is logged, no reason to fail."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def restore(self, components: Iterable[str]) -> None:
        """After the core listens: the folders of `components` that are there get its socket;
        those of others go."""
        names = {self._paths.component_run(name).name: name for name in components}
        for entry in _entries(self._paths.run):
            name = names.get(entry.name)
            if name is None:
                _remove(entry)
            elif (entry / "ipc").is_dir():
                self.open(name)

    def open(self, component: str) -> None:
        """Make the folder of a component, with the socket in it."""
        name = self._paths.component_run(component).name
        try:
            with (
                opened_folder(self._paths.run) as run,
                made_folder(name, run, FOLDER_MODE) as folder,
                made_folder("ipc", folder, FOLDER_MODE) as inner,
            ):
                self._link(folder, inner)
        except OSError as error:
            _log.warning("cannot make the socket folder of %s: %s", component, error)

    def _link(self, folder: int, inner: int) -> None:
        """Put the present socket in place, by a rename: there is no moment without one."""
        socket = self._paths.ipc_socket
        with suppress(FileNotFoundError):
            there = os.stat(_SOCKET, dir_fd=inner, follow_symlinks=False)
            if os.path.samestat(there, socket.lstat()):
                return
        with suppress(FileNotFoundError):
            os.unlink(_FRESH, dir_fd=folder)
        os.link(socket, _FRESH, dst_dir_fd=folder, follow_symlinks=False)
        os.rename(_FRESH, _SOCKET, src_dir_fd=folder, dst_dir_fd=inner)

    def close(self, component: str) -> None:
        """The component is gone, and so is its folder."""
        _remove(self._paths.component_run(component))

    def hang_up(self) -> None:
        """The core stops: the folders stay, without a socket."""
        for entry in _entries(self._paths.run):
            _unlink_socket(entry)


def _entries(folder: Path) -> list[Path]:
    try:
        return [entry for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink()]
    except OSError as error:
        _log.warning("cannot look into %s: %s", folder, error)
        return []


def _remove(folder: Path) -> None:
    """What is not ours in it keeps the folder."""
    _unlink_socket(folder)
    for part in (folder / "ipc", folder):
        with suppress(OSError):
            part.rmdir()


def _unlink_socket(folder: Path) -> None:
    with suppress(OSError), opened_folder(folder) as outer:
        with suppress(OSError):
            os.unlink(_FRESH, dir_fd=outer)
        with opened_folder("ipc", outer) as inner:
            os.unlink(_SOCKET, dir_fd=inner)
