"""The work folder of a component: made, and owned by the user that runs the component.

Recipes and their programs are hostile: a link in the folder must never make the core (often root)
give away a file elsewhere. So nothing is followed, everything goes by folder descriptors, and a
file with a second name (hard link) keeps its owner.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from greendock.lifecycle.run_as import Account

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def prepare_work_folder(folder: Path, account: Account, *, thorough: bool) -> None:
    """Make `folder` (mode 0700) and its `.docker`, owned by `account`.

    Its content changes hands too when the folder belonged to another user, and each time when
    `thorough` (a component with privileged steps, whose files the others expect to be able to
    write). Raises OSError.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder, _FOLDER_FLAGS)
    try:
        owner = os.fstat(descriptor)
        changed = (owner.st_uid, owner.st_gid) != (account.uid, account.gid)
        if os.geteuid() == 0:
            if changed or thorough:
                _hand_over(descriptor, account)
            if changed:
                os.fchown(descriptor, account.uid, account.gid)
        if stat.S_IMODE(owner.st_mode) != 0o700:
            os.fchmod(descriptor, 0o700)
        _make_docker_config(descriptor, account)
    finally:
        os.close(descriptor)


def _make_docker_config(descriptor: int, account: Account) -> None:
    """`.docker` for DOCKER_CONFIG; whatever is there under that name already is left alone."""
    try:
        os.mkdir(".docker", 0o700, dir_fd=descriptor)
    except FileExistsError:
        return
    if os.geteuid() == 0:
        os.chown(".docker", account.uid, account.gid, dir_fd=descriptor, follow_symlinks=False)


def _hand_over(descriptor: int, account: Account) -> None:
    """Change the owner of everything below the open folder `descriptor`."""
    for _, folders, files, inside in os.fwalk(
        ".", topdown=False, follow_symlinks=False, dir_fd=descriptor
    ):
        for name in (*folders, *files):
            status = os.stat(name, dir_fd=inside, follow_symlinks=False)
            if (status.st_uid, status.st_gid) == (account.uid, account.gid):
                continue
            if not stat.S_ISDIR(status.st_mode) and status.st_nlink > 1:
                continue
            os.chown(name, account.uid, account.gid, dir_fd=inside, follow_symlinks=False)


def needs_hand_over(folder: Path, account: Account, *, thorough: bool) -> bool:
    """Whether `prepare_work_folder` has to walk through the folder, which can take long."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return False
    return thorough or (status.st_uid, status.st_gid) != (account.uid, account.gid)
