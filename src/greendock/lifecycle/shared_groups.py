"""Whether a server behind a Unix socket sees the control groups that this process sees.

An engine in a machine of its own, in a container or behind a forwarded socket makes its groups
elsewhere: the core's would never hold its containers. Reads /proc; blocks for as long as a
connection takes, so it is called in a thread. When in doubt: no.
"""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

_CONNECT_S = 2.0
_CREDENTIALS = struct.Struct("3i")


def shares_groups(socket_path: str, engine_host: str) -> bool:
    """`engine_host`: the name that the engine gives its machine. A socket that systemd opened
    counts for systemd, whose groups are the machine's."""
    if engine_host != os.uname().nodename:
        return False  # a forwarded socket: the process behind it is of this machine
    pid = _server_pid(socket_path)
    if pid is None or pid <= 0:
        return False
    try:
        if _link("self") != _link(str(pid)):
            return False
        theirs = Path(f"/proc/{pid}/mountinfo").read_text()
        ours = Path("/proc/self/mountinfo").read_text()
    except OSError:
        return False
    return bool(group_mounts(ours)) and group_mounts(ours) == group_mounts(theirs)


def group_mounts(mountinfo: str) -> dict[str, tuple[str, str]]:
    """Mount point to (device, top of what it shows) of each hierarchy; pure."""
    found: dict[str, tuple[str, str]] = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        places, kind = before.split(), after.split()
        if len(places) >= 5 and kind and kind[0] in ("cgroup", "cgroup2"):
            found[places[4]] = (places[2], places[3])
    return found


def _server_pid(socket_path: str) -> int | None:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_CONNECT_S)
            connection.connect(socket_path)
            raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except OSError:
        return None
    return int(_CREDENTIALS.unpack(raw)[0])


def _link(pid: str) -> str:
    return str(Path(f"/proc/{pid}/ns/cgroup").readlink())
