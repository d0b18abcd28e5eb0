"""Builds the new artifact folder of a component beside the live one.

Given files are copied, those that the core fetched itself are linked; what is live comes along as
a hard link, or as a copy where its access has to change: the live file keeps its own then. The
live folder belongs to the component's user, who may put links there while we read, so it is walked
by descriptors and no link is followed.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Set
from pathlib import Path

from greendock.artifacts.changes import Access, Changes
from greendock.artifacts.inventory import FileEntry, walk_live
from greendock.artifacts.model import Owner
from greendock.base.errors import ArtifactError

_CHUNK_BYTES = 1 << 20
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
"""O_NONBLOCK: what was a file a moment ago may be a FIFO now."""


class Collector:
    """Fills `new` for one component. Raises OSError, and InterruptedError once `cancelled`."""

    def __init__(
        self, changes: Changes, required: Set[str], new: Path, cancelled: threading.Event
    ) -> None:
        """`required` are the files that have to come along; others may stay behind."""
        self._changes = changes
        self._required = required
        self._new = new
        self._cancelled = cancelled

    def take_given(self, downloads: Path) -> None:
        """Copy what the deployment brings, and link what is below `downloads`. Call it first: it
        takes the place of what is live."""
        for name, entry in self._changes.brought.items():
            target = self._new / name
            target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            access = self._changes.access[name]
            if not (
                entry.path.is_relative_to(downloads) and _take_over(entry.path, target, access)
            ):
                self._copy(os.open(entry.path, _READ), target, entry, access)

    def take_along(self, live: Path) -> None:
        """Bring everything else over from the live folder."""
        for below, folders, files, descriptor in walk_live(live):
            for name in (*folders, *files):
                if self._cancelled.is_set():
                    raise InterruptedError
                relative = (below / name).as_posix()
                try:
                    self._carry(descriptor, name, relative)
                except (FileExistsError, NotADirectoryError):
                    continue
                except (FileNotFoundError, PermissionError):
                    # The component removes its own files whenever it likes; and a container may
                    # have left some that a core without root can't link.
                    if relative in self._required:
                        raise

    def _carry(self, folder: int, name: str, relative: str) -> None:
        """One thing of the live folder; sockets and the like stay behind."""
        target = self._new / relative
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            target.mkdir(mode=0o755)
        elif stat.S_ISLNK(mode):
            target.symlink_to(os.readlink(name, dir_fd=folder))
        elif relative in self._changes.again:
            entry = self._changes.again[relative]
            source = os.open(name, _READ | os.O_NOFOLLOW, dir_fd=folder)
            if relative in self._required or not _is_foreign(source, folder):
                self._copy(source, target, entry, self._changes.access[relative])
            else:
                os.close(source)
        elif stat.S_ISREG(mode):
            os.link(name, target, src_dir_fd=folder, follow_symlinks=False)

    def _copy(self, descriptor: int, target: Path, entry: FileEntry, access: Access) -> None:
        with os.fdopen(descriptor, "rb") as source:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ArtifactError(f"cannot use artifact {entry.path}: it is not a regular file")
            with target.open("xb") as copy:
                while chunk := source.read(_CHUNK_BYTES):
                    if self._cancelled.is_set():
                        raise InterruptedError
                    copy.write(chunk)
                copy.flush()
                if access.owner is not None:
                    os.fchown(copy.fileno(), access.owner.uid, access.owner.gid)
                os.fchmod(copy.fileno(), access.mode)
                os.utime(copy.fileno(), ns=(entry.modified_ns, entry.modified_ns))


def _take_over(path: Path, target: Path, access: Access) -> bool:
    """Give the same bytes a second name: after a failure the download is still there.

    False when the file has to be copied: another file system, or one without such names.
    """
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        return False
    if access.owner is not None:
        os.chown(target, access.owner.uid, access.owner.gid, follow_symlinks=False)
    target.chmod(access.mode)
    return True


def _is_foreign(file: int, folder: int) -> bool:
    """Whether a file has a second name and another owner than the folder that it is in.

    A component may have linked somebody else's file into its folder: to copy it as root and give
    the copy away would let its new owner read it.
    """
    status = os.fstat(file)
    return status.st_nlink > 1 and status.st_uid != os.fstat(folder).st_uid


def open_folders(folder: Path, owner: Owner | None) -> None:
    """Give every folder below and including `folder` mode 0755 and `owner`, the deepest first:
    what has been given away is not touched again. Nothing else is changed."""
    for _, _, _, descriptor in os.fwalk(folder, topdown=False):
        os.fchmod(descriptor, 0o755)
        if owner is not None:
            os.fchown(descriptor, owner.uid, owner.gid)
