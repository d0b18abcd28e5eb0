"""Who runs a component's scripts: the rule, and the grammar of `user[:group]`.

Pure. users.py looks the answer up in the system's user database and creates what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass

from greendock.base.errors import ConfigurationError

DEFAULT_USER = "ggc_user"
DEFAULT_GROUP = "ggc_group"


@dataclass(frozen=True, slots=True)
class Account:
    """A user to run as. `groups` are the supplementary groups. `own`: the core's own user."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """User and group as texts (names or numbers); `own` asks for the core's own user instead.

    `create` allows users.py to create them when they are missing.
    """

    user: str = ""
    group: str | None = None
    own: bool = False
    create: bool = False


def choose(requested: str | None, default: str | None, core_is_root: bool) -> Wanted:
    """Whom to run as: the component's own setting, else the core's default, else the rule.

    A core that runs as root never runs a component as root by accident: without a default it
    takes ggc_user:ggc_group. Another core runs components as itself.
    """
    text = requested or default
    if text:
        return parse_posix_user(text)
    if core_is_root:
        return Wanted(DEFAULT_USER, DEFAULT_GROUP, create=True)
    return Wanted(own=True)


def parse_posix_user(text: str) -> Wanted:
    """Read `user` or `user:group`; raises ConfigurationError for anything else."""
    user, colon, group = text.strip().partition(":")
    if not user or (colon and not group) or ":" in group or "\0" in text:
        raise ConfigurationError(
            f"cannot run as {text!r}: it is not of the form user or user:group",
            codes=("RUN_WITH_CONFIG_NOT_VALID",),
            hint="set posixUser to a user name or number, with :group if wanted",
        )
    if user == DEFAULT_USER and group in ("", DEFAULT_GROUP):
        return Wanted(DEFAULT_USER, group or None, create=True)
    return Wanted(user, group or None)


def may_traverse(mode: int, owner: tuple[int, int], account: Account) -> bool:
    """Whether `account` may pass through a folder of `mode` and `owner` (uid, gid)."""
    uid, gid = owner
    if account.uid == 0:
        return True
    if account.uid == uid:
        return bool(mode & 0o100)
    if gid == account.gid or gid in account.groups:
        return bool(mode & 0o010)
    return bool(mode & 0o001)
