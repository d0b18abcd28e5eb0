"""Whether a user may open the engine's socket, by its owner and mode; pure.

Asked before a component's scripts run `docker`, so that a missing group membership is said at
deployment and not found in a log. Access control lists, which can allow more, aren't looked at.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SocketOwner:
    """Permission bits and owner of a socket file."""

    mode: int
    uid: int
    gid: int


def may_open(socket: SocketOwner, uid: int, gids: Collection[int]) -> bool:
    """Connecting needs permission to write. The first class that fits decides, as on Linux."""
    if uid == 0:
        return True
    if uid == socket.uid:
        return bool(socket.mode & 0o200)
    if socket.gid in gids:
        return bool(socket.mode & 0o020)
    return bool(socket.mode & 0o002)
