"""The system's users: looks up whom to run as, creates Greengrass's default user when needed.

Asks the user database (NSS) directly, never the `id` command; answers are kept until the database
files change. Who is wanted is decided in run_as.py. The one module that knows POSIX users.
"""

from __future__ import annotations

import asyncio
import grp
import logging
import os
import pwd
import subprocess
from pathlib import Path

from greendock.base.errors import DeviceError, GreendockError, LifecycleError
from greendock.lifecycle.run_as import DEFAULT_GROUP, Account, Wanted, choose, may_traverse

_log = logging.getLogger("greendock.lifecycle")
_DATABASES = (Path("/etc/passwd"), Path("/etc/group"))


class UnknownUserError(LifecycleError):
    """The user or group to run as can't be had; Greengrass's *_MISSING_DEFAULT_RUNWITH."""

    default_codes = ("RUN_WITH_CONFIG_NOT_VALID",)


class Users:
    """Resolves `Wanted` to an `Account`."""

    def __init__(self) -> None:
        self._known: dict[Wanted, Account] = {}
        self._stamp: tuple[int, ...] = ()
        self._creating = asyncio.Lock()

    @property
    def core_is_root(self) -> bool:
        return os.geteuid() == 0

    def own(self) -> Account:
        """The core's own user."""
        uid, gid = os.geteuid(), os.getegid()
        name, home = str(uid), os.environ.get("HOME", "/")
        try:
            entry = pwd.getpwuid(uid)
            name, home = entry.pw_name, entry.pw_dir
        except KeyError:
            pass  # containers run cores under numbers without an entry
        return Account(name, uid, gid, tuple(os.getgroups()), home, own=True)

    async def resolve(self, wanted: Wanted) -> Account:
        """The account to run as.

        Raises UnknownUserError for a user or group that doesn't exist (and isn't ours to create),
        and for any other user than its own when the core isn't root.
        """
        stamp = _stamp()
        if stamp != self._stamp:
            self._known, self._stamp = {}, stamp
        if wanted not in self._known:
            account = self._look_up(wanted)
            if account is None:
                account = await self._create(wanted)
            self._known[wanted] = account
        return self._known[wanted]

    async def create_default(self, posix_user: str | None) -> None:
        """Have the default user of components now, as the official installer does: operators put
        it into groups before they deploy anything. What goes wrong is told again when a component
        needs the user."""
        try:
            await self.resolve(choose(None, posix_user, self.core_is_root))
        except GreendockError as error:
            _log.warning("the default user of components can't be had: %s", error.explain())

    def _look_up(self, wanted: Wanted) -> Account | None:
        """None when it is missing and may be created."""
        own = self.own()
        if wanted.own:
            return own
        entry = _user(wanted.user)
        if entry is None and wanted.create and self.core_is_root:
            return None
        gid = _group(wanted.group) if wanted.group is not None else None
        if wanted.group is not None and gid is None:
            if wanted.create and self.core_is_root:
                return None
            raise UnknownUserError(
                f"cannot run as {_text(wanted)}: there is no group {wanted.group!r}",
                hint=f"create it: groupadd --system {wanted.group}",
            )
        account = _account(wanted, entry, gid)
        if (account.uid, account.gid) == (own.uid, own.gid):
            return own
        if not self.core_is_root:
            raise UnknownUserError(
                f"cannot run as {_text(wanted)}: the core runs as {own.name}, and only a core "
                "that runs as root can run components as other users",
                hint=f"remove posixUser, set it to {own.name}, or run the core as root",
            )
        return account

    async def _create(self, wanted: Wanted) -> Account:
        async with self._creating:
            group = wanted.group or DEFAULT_GROUP
            if _group(group) is None:
                await _run("groupadd", "--system", group)
            if _user(wanted.user) is None:
                await _run("useradd", "--system", "--create-home", "--gid", group, wanted.user)
            account = self._look_up(wanted)
        if account is None:
            raise UnknownUserError(f"cannot create the user {wanted.user!r}: it is still missing")
        return account


def untraversable(folder: Path, account: Account) -> Path | None:
    """The first folder on the way to and including `folder` that `account` can't pass, if any.

    Mode bits are asked first, since they cost no process; a refusal by them is put to the test,
    because an access control list may grant what they don't show.
    """
    for place in (*reversed(folder.parents), folder):
        status = place.stat()
        if may_traverse(status.st_mode, (status.st_uid, status.st_gid), account):
            continue
        if account.own or not _can_enter(place, account):
            return place
    return None


def require_traversable(folder: Path, account: Account) -> None:
    """Raises DeviceError that names the folder that stands in the way, and the remedy."""
    try:
        blocked = untraversable(folder, account)
    except OSError as error:
        raise DeviceError(
            f"cannot check the way to {folder}: {error.strerror}",
            hint=f"let the core read {folder.parent}",
        ) from error
    if blocked is not None:
        raise DeviceError(
            f"cannot run as {account.name}: this user can't traverse {blocked}",
            codes=("SET_PERMISSION_ERROR",),
            hint=f"run `chmod o+x {blocked}`, or put the core's root folder elsewhere",
        )


def _can_enter(folder: Path, account: Account) -> bool:
    test = subprocess.run(
        ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)],
        user=account.uid,
        group=account.gid,
        extra_groups=account.groups,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=10,
        check=False,
    )
    return test.returncode == 0


def _account(wanted: Wanted, entry: pwd.struct_passwd | None, gid: int | None) -> Account:
    if entry is None:
        if not wanted.user.isdecimal():
            raise UnknownUserError(
                f"cannot run as {_text(wanted)}: there is no user {wanted.user!r}",
                hint=f"create it: useradd --system {wanted.user}",
            )
        if gid is None:
            raise UnknownUserError(
                f"cannot run as {_text(wanted)}: user number {wanted.user} has no entry in the "
                "user database, so its group isn't known",
                hint=f"name the group too: {wanted.user}:GROUP",
            )
        return Account(wanted.user, int(wanted.user), gid, (gid,), "/")
    primary = entry.pw_gid if gid is None else gid
    groups = os.getgrouplist(entry.pw_name, primary)
    return Account(entry.pw_name, entry.pw_uid, primary, tuple(groups), entry.pw_dir)


def _user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        pass
    try:
        return pwd.getpwuid(int(name)) if name.isdecimal() else None
    except (KeyError, OverflowError):
        return None


def _group(name: str) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return int(name) if name.isdecimal() and int(name) < 2**32 - 1 else None


def _stamp() -> tuple[int, ...]:
    return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in _DATABASES)


def _text(wanted: Wanted) -> str:
    return f"{wanted.user}:{wanted.group}" if wanted.group else wanted.user


async def _run(*command: str) -> None:
    def call() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    try:
        done = await asyncio.to_thread(call)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnknownUserError(
            f"cannot create the default user of components: {command[0]}: {error}",
            hint="create ggc_user and ggc_group yourself, or set runWithDefault.posixUser",
        ) from error
    # 9 is "already exists" of both commands: somebody else was quicker.
    if done.returncode not in (0, 9):
        raise UnknownUserError(
            f"cannot create the default user of components: {done.stderr.strip()}",
            hint="create ggc_user and ggc_group yourself, or set runWithDefault.posixUser",
        )
