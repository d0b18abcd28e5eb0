"""Who may open the engine's socket, by owner, group and mode."""

from __future__ import annotations

import pytest

from greendock.docker.engine.socket_access import SocketOwner, may_open

DOCKER = 999
SOCKET = SocketOwner(0o140660, 0, DOCKER)


@pytest.mark.parametrize(
    ("socket", "uid", "gids", "allowed"),
    [
        (SOCKET, 0, (0,), True),
        (SOCKET, 1000, (1000, DOCKER), True),
        (SOCKET, 1000, (1000,), False),
        (SocketOwner(0o140666, 0, 0), 1000, (1000,), True),
        (SocketOwner(0o140600, 1000, 1000), 1000, (1000,), True),
        (SocketOwner(0o140066, 1000, 1000), 1000, (1000,), False),
        (SocketOwner(0o140606, 0, DOCKER), 1000, (DOCKER,), False),
    ],
)
def test_the_first_class_that_fits_decides(
    socket: SocketOwner, uid: int, gids: tuple[int, ...], allowed: bool
) -> None:
    assert may_open(socket, uid, gids) is allowed
