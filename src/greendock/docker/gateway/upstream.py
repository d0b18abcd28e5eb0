"""Opens connections to the engine, over a Unix socket, TCP or TLS.

What fails becomes a typed error that names the engine's address. Asks nothing of the engine.
Called by the connections of a gateway.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import TYPE_CHECKING, Protocol

from greendock.docker.engine.address import EngineAddress
from greendock.docker.errors import (
    DockerError,
    EngineAddressError,
    EngineNotPermitted,
    EngineUnavailable,
)
from greendock.docker.gateway.wire import SocketWire, Wire, widen

if TYPE_CHECKING:
    import ssl

_CONNECT_S = 10.0
_FULL_BACKLOG_S = 0.02


class Engine(Protocol):
    """Where requests go."""

    async def open(self) -> Wire:
        """A new connection. Raises DockerError."""

    def lost(self) -> DockerError:
        """The error for a connection that ended without an answer."""


class Upstream:
    """Connections to one address; holds none of them."""

    def __init__(self, address: EngineAddress, connect_s: float = _CONNECT_S) -> None:
        self.address = address
        self._connect_s = connect_s
        self._context: ssl.SSLContext | None = None

    async def open(self) -> Wire:
        """Raises EngineUnavailable, EngineNotPermitted, EngineAddressError."""
        try:
            async with asyncio.timeout(self._connect_s):
                if self.address.socket_path is not None:
                    return SocketWire(await _unix(self.address.socket_path))
                return await self._tcp()
        except TimeoutError as error:
            raise self._unavailable(f"no connection within {self._connect_s:g} s") from error
        except OSError as error:
            raise self._typed(error) from error

    def lost(self) -> EngineUnavailable:
        return self._unavailable("it ended the connection without an answer")

    async def _tcp(self) -> Wire:
        context = self._tls_context()
        wire = SocketWire(await _first_that_answers(self.address.host, self.address.port))
        if context is None:
            return wire
        from greendock.docker.gateway.tls_wire import TlsWire

        tls = TlsWire(wire, context, self.address.host)
        try:
            await tls.shake_hands()
        except BaseException:
            wire.close()
            raise
        return tls

    def _tls_context(self) -> ssl.SSLContext | None:
        if self.address.tls is not None and self._context is None:
            from greendock.docker.engine.tls import tls_context

            self._context = tls_context(self.address.tls)
        return self._context

    def _typed(self, error: OSError) -> DockerError:
        if self.address.tls is not None:
            import ssl

            if isinstance(error, ssl.SSLError):
                return EngineAddressError(
                    f"{self._where()}: {error.reason or error}",
                    hint="check the address, and the certificates in DOCKER_CERT_PATH",
                )
        reason = error.strerror or str(error) or type(error).__name__
        if error.errno in (errno.EACCES, errno.EPERM):
            return EngineNotPermitted(f"{self._where()}: {reason}")
        return self._unavailable(reason)

    def _unavailable(self, cause: str) -> EngineUnavailable:
        return EngineUnavailable(f"{self._where()}: {cause}")

    def _where(self) -> str:
        return f"cannot reach the Docker engine at {self.address} ({self.address.source})"


async def _unix(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    made.setblocking(False)
    try:
        widen(made)
        while True:
            try:
                made.connect(path)
            except BlockingIOError:
                # The backlog is full. The system does not tell when it no longer is.
                await asyncio.sleep(_FULL_BACKLOG_S)
            else:
                return made
    except BaseException:
        made.close()
        raise


async def _first_that_answers(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    for family, kind, protocol, _, address in found:
        made = socket.socket(family, kind | socket.SOCK_CLOEXEC, protocol)
        try:
            made.setblocking(False)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(made, address)
        except OSError as error:
            made.close()
            failure = error
        except BaseException:
            made.close()
            raise
        else:
            return made
    raise failure
