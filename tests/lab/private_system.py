"""The private view of the machine inside the lab's namespaces: made here, removed here.

Changes to /etc (users, groups, the engine's key) go to memory, /run is empty, so neither the
machine's own engine nor its systemd, D-Bus or containerd can be found from inside. Called by
the guard only, inside the namespaces.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
from pathlib import Path

# containerd makes this folder at every start; no setting of dockerd moves it.
_CONTAINERD_FOLDER = Path("/opt/containerd")
_CONTROL_GROUPS = Path("/sys/fs/cgroup")
_MADE_BY_TESTS = ".made-by-tests-of-greendock"
# Each lab's users have numbers of its own: what the machine counts by users, processes above all,
# is the lab's then, and `userdel` finds no process of another lab.
_FIRST_USER_ID, _USERS = 1_000_000, 100
_USER, _GROUP = "ggc_user", "ggc_group"


def prepare(folder: Path) -> None:
    """Build the private system. `folder` is the lab's own and exists."""
    _run("ip", "link", "set", "lo", "up")
    for name in ("private", "home"):
        (folder / name).mkdir()
    _share_containerd_folder()
    for place in (folder / "private", _CONTAINERD_FOLDER, Path("/run")):
        _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(place))
    _private_etc(folder)
    _users()


def missing_for_bridge() -> str | None:
    """Why the engine can't have a bridge network here; None when it can."""
    probes = (
        ("ip", "link", "add", "name", "labprobe", "type", "bridge"),
        ("ip", "link", "delete", "labprobe"),
        ("iptables", "-t", "nat", "--list", "--numeric"),
    )
    for probe in probes:
        try:
            _run(*probe)
        except (OSError, RuntimeError) as error:
            return " ".join(str(error).split())
    return None


def remove(folder: Path, *, keep_files: bool) -> None:
    """Undo `prepare`. The lab's processes have ended; with `keep_files` the files stay."""
    for place in _mounts_below(folder):
        _run("umount", "--lazy", place)
    _run("umount", "--lazy", str(_CONTAINERD_FOLDER))
    _leave_containerd_folder()
    for controller in (_CONTROL_GROUPS, *_CONTROL_GROUPS.iterdir()):
        _remove_control_group(controller / folder.name)
    if not keep_files:
        shutil.rmtree(folder)


def _share_containerd_folder() -> None:
    """Have the folder that containerd makes, to mount another over it; labs at the same time
    share it. It stays open, and locked, until this process ends."""
    while True:
        _CONTAINERD_FOLDER.parent.mkdir(exist_ok=True)
        with contextlib.suppress(FileExistsError):
            _CONTAINERD_FOLDER.mkdir()
            (_CONTAINERD_FOLDER / _MADE_BY_TESTS).touch()
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(_CONTAINERD_FOLDER, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if os.path.samestat(os.fstat(descriptor), _CONTAINERD_FOLDER.stat()):
                return
            os.close(descriptor)


def _leave_containerd_folder() -> None:
    """Remove it where a lab made it and no other lab has it: what is mounted over a folder that
    is removed is gone, in every namespace."""
    descriptor = os.open(_CONTAINERD_FOLDER, os.O_RDONLY | os.O_DIRECTORY)
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (_CONTAINERD_FOLDER / _MADE_BY_TESTS).unlink()
        _CONTAINERD_FOLDER.rmdir()
    os.close(descriptor)


def _private_etc(folder: Path) -> None:
    # A copy, not an overlay: what happens to the machine's users meanwhile, locks included,
    # must not show here.
    copy = folder / "private" / "etc"
    _run("cp", "--archive", "/etc", str(copy))
    for lock in copy.glob("*.lock"):
        lock.unlink()
    _run("mount", "--bind", str(copy), "/etc")
    files = {
        "hosts": "127.0.0.1 localhost\n",
        "resolv.conf": "nameserver 127.0.0.1\n",  # nobody listens there: names fail at once
        "default/useradd": f"HOME={folder}/home\n",
    }
    for name, text in files.items():
        path = Path("/etc") / name
        path.unlink(missing_ok=True)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    first = _FIRST_USER_ID + os.getpid() * _USERS
    with Path("/etc/login.defs").open("a") as settings:
        settings.write(f"\nSYS_UID_MIN {first}\nSYS_UID_MAX {first + _USERS - 1}\n")
        settings.write("LASTLOG_UID_MAX 999\n")  # the machine's file is as long as the number


def _users() -> None:
    """The default user of components, allowed to use the engine, as the documents require; another
    one than the machine's, if that has one."""
    # Not `userdel`, which would see the processes of a core of the machine.
    for name in ("passwd", "shadow", "group", "gshadow"):
        path = Path("/etc") / name
        lines = path.read_text().splitlines(keepends=True)
        own = [line for line in lines if line.partition(":")[0] not in (_USER, _GROUP)]
        path.write_text("".join(own))
    _run("groupadd", "--force", "--system", "docker")
    _run("groupadd", "--force", "--system", _GROUP)
    _run("useradd", "--system", "--create-home", "--gid", _GROUP, _USER)
    _run("usermod", "--append", "--groups", "docker", _USER)


def _mounts_below(folder: Path) -> list[str]:
    """Mount points under `folder`, deepest first."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    places = [line.split()[1] for line in lines]
    return sorted((x for x in places if x.startswith(f"{folder}/")), reverse=True)


def _remove_control_group(group: Path) -> None:
    if not group.is_dir():
        return
    for child in group.iterdir():
        if child.is_dir():
            _remove_control_group(child)
    group.rmdir()


def _run(*argv: str) -> None:
    result = subprocess.run(argv, capture_output=True, text=True)
    if result.returncode:
        text = (result.stderr or result.stdout).strip()
        raise RuntimeError(f"`{' '.join(argv)}` failed: {text}")
