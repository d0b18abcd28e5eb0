"""The HTTP side of the credential endpoint: sockets, connections, their limits.

Each connection carries one request: SDKs ask a few times an hour. A peer that is not admitted is
hung up on without a word, before anything of it is read. aiohttp is imported with the first
listener; its own logs are off, since they repeat header lines.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from greendock.token_exchange.answers import Answer

if TYPE_CHECKING:
    from aiohttp import web

_log = logging.getLogger("greendock.token_exchange")
_silent = logging.getLogger("greendock.token_exchange.http")
_silent.disabled = True
_LINE_BYTES = 4096
_HEADERS = 64
_LINGER_S = 1.0
_DRAIN_S = 1.0
_SHORT_OF_FILES_S = 0.5

Respond = Callable[[str, str, Sequence[str], str], Awaitable[Answer]]
"""Method, path, values of Authorization, the peer's address."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`head_s`: until a request is there. `whole_s`: until the connection has to be over."""

    connections: int = 128
    per_address: int = 128
    head_s: float = 10.0
    whole_s: float = 45.0


@dataclass(frozen=True, slots=True)
class _Visit:
    """One connection. `timers` hold its transport until they are cancelled."""

    peer: str
    timers: tuple[asyncio.TimerHandle, ...]


class Listener:
    """Serves on one socket until `close`."""

    def __init__(
        self,
        listening: socket.socket,
        respond: Respond,
        admits: Callable[[str], bool] = lambda _: True,
        limits: Limits = Limits(),
    ) -> None:
        """Takes the socket over. In the running event loop."""
        from aiohttp import web

        self._socket = listening
        self._respond = respond
        self._admits = admits
        self._limits = limits
        self._server = web.Server(
            self._handle,
            access_log=None,
            logger=_silent,
            max_line_size=_LINE_BYTES,
            max_field_size=_LINE_BYTES,
            max_headers=_HEADERS,
            lingering_time=_LINGER_S,
            auto_decompress=False,
        )
        self._open: dict[asyncio.BaseTransport, _Visit] = {}
        self._busy: set[asyncio.BaseTransport] = set()
        self._accepting = asyncio.create_task(self._accept(), name="credential endpoint")

    async def close(self) -> None:
        """No more connections; requests that are being answered get a second."""
        self._accepting.cancel()
        await asyncio.wait([self._accepting])
        self._socket.close()
        self._server.pre_shutdown()
        await self._server.shutdown(_DRAIN_S)
        for transport in tuple(self._open):
            _abort(transport)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(self._socket)
            except OSError as error:
                # Too many open files, or a peer that was gone already.
                _log.debug("a connection was not accepted: %s", error)
                await asyncio.sleep(_SHORT_OF_FILES_S)
                continue
            try:
                await self._take(connection, str(address[0]))
            except OSError as error:
                connection.close()
                _log.debug("a connection was not taken: %s", error)
            except asyncio.CancelledError:
                connection.close()
                raise
            except Exception:
                # One connection; the next ones are to be accepted.
                connection.close()
                _log.exception("a connection was not taken, in a way that nobody foresaw")

    async def _take(self, connection: socket.socket, peer: str) -> None:
        self._forget_closed()
        if not self._admits(peer) or not self._has_room(peer):
            connection.close()
            return
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_accepted_socket(self._server, connection)
        timers = (
            loop.call_later(self._limits.head_s, self._end_idle, transport),
            loop.call_later(self._limits.whole_s, _abort, transport),
        )
        self._open[transport] = _Visit(peer, timers)

    def _has_room(self, peer: str) -> bool:
        """Where there is none, the one that is silent for the longest time has to go: nobody can
        keep others away by connections without a request."""
        of_peer = [one for one, visit in self._open.items() if visit.peer == peer]
        if len(of_peer) >= self._limits.per_address:
            return self._end_silent(of_peer)
        return len(self._open) < self._limits.connections or self._end_silent(self._open)

    def _end_silent(self, transports: Iterable[asyncio.BaseTransport]) -> bool:
        silent = next((one for one in transports if one not in self._busy), None)
        if silent is None:
            return False
        self._end(silent)
        return True

    def _forget_closed(self) -> None:
        for transport in [one for one in self._open if one.is_closing()]:
            self._end(transport)

    def _end(self, transport: asyncio.BaseTransport) -> None:
        for timer in self._open.pop(transport).timers:
            timer.cancel()
        if not transport.is_closing():
            _abort(transport)

    def _end_idle(self, transport: asyncio.BaseTransport) -> None:
        if transport not in self._busy:
            _abort(transport)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        from aiohttp import web

        transport = request.transport
        if transport is None:
            raise ConnectionResetError
        self._busy.add(transport)
        try:
            values = request.headers.getall("Authorization", [])
            visit = self._open.get(transport)
            peer = visit.peer if visit is not None else ""
            answer = await self._respond(request.method, request.path, values, peer)
        finally:
            self._busy.discard(transport)
        response = web.Response(
            status=answer.status, body=answer.body, content_type=answer.content_type
        )
        if answer.content_type is None:
            response.headers.pop("Content-Type", None)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Server"] = "greendock"
        response.force_close()
        return response


def _abort(transport: asyncio.BaseTransport) -> None:
    with contextlib.suppress(OSError):
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
