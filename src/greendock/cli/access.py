"""Finds the core of a root folder and the token that lets this user talk to it.

Reads `<root>/cli_ipc_info/`, opens nothing else. Its errors say which of the things that can be
wrong is wrong, since "not connected" has five causes. Called by client.py only.
"""
# ruff: noqa: PTH100, PTH111, PTH123, PTH208 (pathlib is slow to import)

from __future__ import annotations

import json
import os
from typing import NamedTuple

from greendock.base.default_root import default_root_text
from greendock.cli.errors import NoCoreError
from greendock.cli.principals import token_file_names, who_may_read


class Access(NamedTuple):
    """One way in: a token file, what it holds. `token` is secret."""

    file: str
    token: str
    socket_path: str

    def __repr__(self) -> str:
        return f"Access(file={self.file!r}, socket_path={self.socket_path!r})"


def root_folder(named: str | None) -> str:
    """The absolute root folder: the one named on the command line, else the default."""
    return os.path.abspath(os.path.expanduser(named)) if named else default_root_text()


def start_hint(root: str) -> str:
    return (
        f"start one with `greendock run --root {root}`, or name the root folder of a running "
        "core with --root or GGC_ROOT_PATH"
    )


def find_access(root: str) -> list[Access]:
    """Every readable token of the core at `root`, best first; NoCoreError when there is none."""
    folder = f"{root}/cli_ipc_info"
    try:
        present = os.listdir(folder)
    except FileNotFoundError as error:
        raise NoCoreError(
            f"cannot reach a core at {root}: no core has run there", hint=start_hint(root)
        ) from error
    except OSError as error:
        raise NoCoreError(
            f"cannot reach the core at {root}: {error.strerror}: {folder}",
            hint="run this as the user of the core, or as root",
        ) from error
    names = token_file_names(present, user=os.geteuid(), group=os.getegid(), groups=os.getgroups())
    if not names:
        raise NoCoreError(f"cannot reach a core at {root}: none is running", hint=start_hint(root))
    found = [access for name in names if (access := _read(f"{folder}/{name}")) is not None]
    if not found:
        raise NoCoreError(
            f"cannot reach the core at {root}: this user may not read any token in {folder}",
            hint=_reader_hint(names),
        )
    return found


def _read(file: str) -> Access | None:
    """None when this user may not read the file, or it went away just now."""
    try:
        with open(file, encoding="utf-8") as opened:
            info = json.load(opened)
    except (PermissionError, FileNotFoundError, IsADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise NoCoreError(f"cannot read the token file {file}: {error}") from error
    if not isinstance(info, dict):
        info = {}
    token, socket_path = info.get("cli_auth_token"), info.get("domain_socket_path")
    if not isinstance(token, str) or not isinstance(socket_path, str):
        raise NoCoreError(
            f"cannot use the token file {file}: it lacks cli_auth_token or domain_socket_path",
            hint="restart the core; it writes the file anew",
        )
    return Access(file, token, socket_path)


def _reader_hint(names: list[str]) -> str:
    principals = who_may_read(names)
    if not principals:
        return "run this as the user of the core, or as root"
    choices = [
        f"run this as {_name(kind, number)}" if kind == "user" else f"join {_name(kind, number)}"
        for kind, number in principals
    ]
    return " or ".join(choices) + ", or use sudo"


def _name(kind: str, number: int) -> str:
    """`group docker (gid 998)`, or the bare number when the system has no name for it."""
    import grp
    import pwd

    short = "uid" if kind == "user" else "gid"
    try:
        name = pwd.getpwuid(number).pw_name if kind == "user" else grp.getgrgid(number).gr_name
    except KeyError:
        return f"{kind} with {short} {number}"
    return f"{kind} {name} ({short} {number})"
