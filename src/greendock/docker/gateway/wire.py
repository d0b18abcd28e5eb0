"""One end of a connection as a flow of bytes, with each direction ended on its own.

Raw non-blocking sockets: nothing is buffered here, so a peer that doesn't read holds up the one
that writes, and memory stays flat. Knows no HTTP. A socket is closed only when nobody waits for
it; whoever wants a wait to end calls `abort`. Called by the relay and the upstream.
"""

from __future__ import annotations

import asyncio
import select
import socket
from contextlib import suppress
from typing import Protocol

PIECE_BYTES = 256 * 1024
_GREEDY_BYTES = 1 << 20
_BUFFER_BYTES = 1 << 20


class Wire(Protocol):
    """What the relay needs of either end."""

    async def read(self) -> bytes:
        """Some bytes; empty when the peer has ended its direction. Raises OSError."""

    async def write(self, data: bytes) -> None:
        """Returns when the system has taken all of it. Raises OSError."""

    async def end_writing(self) -> None:
        """The peer sees the end of this direction; reading goes on."""

    @property
    def is_idle(self) -> bool:
        """Open, and nothing has arrived that was not read."""

    @property
    def is_closed_by_peer(self) -> bool:
        """The peer has closed both directions, where the system can tell."""

    def abort(self) -> None:
        """Both directions end now; waits for it return."""

    def close(self) -> None: ...


class SocketWire:
    """A connected, non-blocking stream socket, which it takes over."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._loop = asyncio.get_running_loop()
        self._at_a_stretch = 0

    async def read(self) -> bytes:
        if self._at_a_stretch >= _GREEDY_BYTES:
            # A fast peer on a fast socket never makes us wait: others have to get their turn.
            self._at_a_stretch = 0
            await asyncio.sleep(0)
        data = await self._loop.sock_recv(self.socket, PIECE_BYTES)
        self._at_a_stretch += len(data)
        return data

    async def write(self, data: bytes) -> None:
        await self._loop.sock_sendall(self.socket, data)

    async def end_writing(self) -> None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    @property
    def is_idle(self) -> bool:
        try:
            self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    @property
    def is_closed_by_peer(self) -> bool:
        poll = select.poll()
        poll.register(self.socket, 0)
        return any(events & (select.POLLHUP | select.POLLERR) for _, events in poll.poll(0))

    def abort(self) -> None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.socket.close()


def widen(connected: socket.socket) -> None:
    """Larger buffers, for bulk: fewer wakes for the same bytes. As far as the system lets us."""
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        with suppress(OSError):
            connected.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
