"""The files in `cli_ipc_info/` by which command-line clients find the socket and their token.

Writes `user-<uid>` for the core's own user, or `group-<gid>` for each configured group
(AuthorizedPosixGroups), as official cores do; who can read the file may use the core. Works
relative to the opened folder and follows no links in it.
"""

from __future__ import annotations

import grp
import json
import logging
import os
import stat
from pathlib import Path

from greendock.base.errors import DeviceError
from greendock.ipc.tokens import Tokens

_log = logging.getLogger("greendock.ipc")


def write_cli_info(folder: Path, socket_path: Path, tokens: Tokens, groups: str = "") -> None:
    """Give each command-line principal a new token, and take all earlier ones back.

    `groups` are names or ids with commas between them; none means the core's own user only.
    Raises DeviceError. Blocks on the disk.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            tokens.revoke_clients()
            _empty(descriptor)
            _write_all(descriptor, socket_path, tokens, groups)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DeviceError(
            f"cannot write the tokens of the command line to {folder}: {error.strerror or error}",
            hint="the folder has to belong to the user that the core runs as, and be no link",
        ) from error


def _write_all(folder: int, socket_path: Path, tokens: Tokens, groups: str) -> None:
    names = [name.strip() for name in groups.split(",") if name.strip()]
    if not names:
        name = f"user-{os.geteuid()}"
        _write(folder, name, _content(tokens.issue_client(name), socket_path), None)
    for gid in dict.fromkeys(_group_id(name) for name in names):
        if gid is not None:
            name = f"group-{gid}"
            _write(folder, name, _content(tokens.issue_client(name), socket_path), gid)


def _content(token: str, socket_path: Path) -> bytes:
    return json.dumps({"cli_auth_token": token, "domain_socket_path": str(socket_path)}).encode()


def _group_id(name: str) -> int | None:
    if name.isascii() and name.isdigit():
        return int(name)
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        _log.warning("AuthorizedPosixGroups: there is no group %r on this machine", name)
        return None


def _empty(folder: int) -> None:
    for name in os.listdir(folder):
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            _log.warning("cli_ipc_info holds a folder %r; it stays", name)
        else:
            os.unlink(name, dir_fd=folder)


def _write(folder: int, name: str, content: bytes, gid: int | None) -> None:
    """A reader sees the whole file with its final owner and mode, or no file."""
    temporary = f".{name}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(temporary, flags, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if gid is not None:
                os.fchown(file.fileno(), -1, gid)
            os.fchmod(file.fileno(), 0o600 if gid is None else 0o640)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(temporary, dir_fd=folder)
        raise
