"""What arrives on a wire: heads as a whole, the rest as it comes, and what was read too far.

Called by the connection (for the client) and the relay (for both ends).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from greendock.docker.gateway.http1 import HEAD_END, MAX_HEAD_BYTES, MalformedMessageError
from greendock.docker.gateway.wire import PIECE_BYTES, SocketWire, Wire


class Inbox:
    """Reads from `wire`. One reader at a time."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._held = b""

    @property
    def holds(self) -> bool:
        """Whether something was read that nobody took."""
        return bool(self._held)

    def take_held(self) -> bytes:
        data, self._held = self._held, b""
        return data

    def put_back(self, data: bytes) -> None:
        self._held = data + self._held

    async def some(self) -> bytes:
        """Some bytes; empty at the end. Raises OSError."""
        return self.take_held() or await self.wire.read()

    async def head(self, finish_s: float | None = None) -> bytes | None:
        """Up to and including the empty line; None when the peer ends before it begins one.

        The first byte may take for ever, the rest `finish_s`. Raises OSError, TimeoutError,
        MalformedMessageError.
        """
        data = await self.some()
        if not data:
            return None
        async with asyncio.timeout(finish_s if HEAD_END not in data else None):
            while (at := data.find(HEAD_END, 0, MAX_HEAD_BYTES)) < 0:
                if len(data) >= MAX_HEAD_BYTES:
                    raise MalformedMessageError(
                        f"the head is longer than {MAX_HEAD_BYTES} bytes", 431
                    )
                more = await self.wire.read()
                if not more:
                    raise MalformedMessageError("the connection ended inside a head")
                data += more
        at += len(HEAD_END)
        self.put_back(data[at:])
        return data[:at]


class ClientInbox(Inbox):
    """The client's, which can be watched for its end while nothing is read from it."""

    def __init__(self, wire: SocketWire) -> None:
        super().__init__(wire)
        self._socket = wire.socket
        self._loop = asyncio.get_running_loop()
        self._is_watched = False

    def watch(self, ended: Callable[[], None]) -> None:
        """Call `ended` when the client ends its direction, as far as that is seen before the next
        request arrives. Not while somebody reads."""
        if self.holds or self._is_watched:
            return
        self._is_watched = True
        self._loop.add_reader(self._socket, self._look, ended)

    def unwatch(self) -> None:
        if self._is_watched:
            self._is_watched = False
            self._loop.remove_reader(self._socket)

    def _look(self, ended: Callable[[], None]) -> None:
        try:
            data = self._socket.recv(PIECE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        self.unwatch()
        if data:
            self.put_back(data)
        else:
            ended()
