"""HTTP to the engine: one session over its socket, time limits, and errors by errno.

The only module that touches aiohttp, which is imported with the first request that needs it.
Knows nothing of what is asked. Called by the engine client.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

from greendock.docker.engine import small_answers
from greendock.docker.engine.address import EngineAddress
from greendock.docker.engine.small_answers import CutShortError
from greendock.docker.errors import (
    DockerError,
    EngineAddressError,
    EngineNotPermitted,
    EngineUnavailable,
)

if TYPE_CHECKING:
    import aiohttp

_CONNECT_TIMEOUT_S = 10.0
_READ_BUFFER_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `timeout_s` covers it from connecting to the last byte.

    `headers` may hold credentials and stay out of every text.
    """

    method: str
    path: str
    timeout_s: float
    params: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    body: AsyncIterable[bytes] | bytes | None = None

    @property
    def is_plain(self) -> bool:
        """It asks for something and brings nothing."""
        return self.method == "GET" and not self.headers and self.body is None

    def __repr__(self) -> str:
        return f"Call({self.method} {self.path})"


class EngineConnection:
    """Keeps connections to one engine open between requests. Belongs to one event loop."""

    def __init__(self, address: EngineAddress) -> None:
        self.address = address
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, call: Call) -> Answer:
        """The answer to `call`. Raises EngineUnavailable, EngineNotPermitted."""
        socket_path = self.address.socket_path
        if self._session is None and socket_path is not None and call.is_plain:
            with self._typed_errors(call):
                async with asyncio.timeout(call.timeout_s):
                    found = await small_answers.get(socket_path, call.path, call.params)
            return Answer(found.status, found.headers, found.body)
        async with self.stream(call) as response:
            with self._typed_errors(call):
                body = await response.read()
            return Answer(response.status, lower_headers(response), body)

    async def ask_anew(self, call: Call) -> Answer:
        """As `ask`, by a connection of its own: an engine that ends answers on those that it has
        until the last of its containers has stopped, but takes no new one."""
        connection = EngineConnection(self.address)
        try:
            return await connection.ask(call)
        finally:
            await connection.close()

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[aiohttp.ClientResponse]:
        """The response to `call` with its body unread; leaving early closes the connection."""
        import aiohttp

        with self._typed_errors(call):
            session = self._open()
            response = await session.request(
                call.method,
                self.address.base_url + call.path,
                params=call.params,
                headers=call.headers,
                data=call.body,
                timeout=aiohttp.ClientTimeout(
                    total=call.timeout_s, sock_connect=min(call.timeout_s, _CONNECT_TIMEOUT_S)
                ),
            )
        try:
            yield response
        finally:
            response.release()

    async def read_some(self, call: Call, response: aiohttp.ClientResponse) -> bytes:
        """What has arrived of the body, at least one byte; empty at its end."""
        with self._typed_errors(call):
            return await response.content.readany()

    async def close(self) -> None:
        """Close all connections; a later request opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            connector: aiohttp.BaseConnector
            if self.address.socket_path is not None:
                connector = aiohttp.UnixConnector(self.address.socket_path, limit=0)
            elif self.address.tls is not None:
                from greendock.docker.engine.tls import tls_context

                connector = aiohttp.TCPConnector(limit=0, ssl=tls_context(self.address.tls))
            else:
                connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(
                connector=connector, read_bufsize=_READ_BUFFER_BYTES, auto_decompress=False
            )
        return self._session

    def _typed_errors(self, call: Call) -> _TypedErrors:
        return _TypedErrors(self.address, call)


class _TypedErrors:
    """Turns what sockets and aiohttp raise into our errors, by errno where there is one."""

    def __init__(self, address: EngineAddress, call: Call) -> None:
        self._address = address
        self._call = call

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError | TimeoutError | CutShortError) or _is_of_aiohttp(error):
            raise self._typed(error) from error

    def _typed(self, error: BaseException) -> DockerError:
        where = f"cannot reach the Docker engine at {self._address} ({self._address.source})"
        if _is_of_aiohttp(error, "ClientConnectorCertificateError", "ClientSSLError"):
            # Its errno is OpenSSL's, not the operating system's.
            return EngineAddressError(
                f"{where}: {error}",
                hint="check the address, and the certificates in DOCKER_CERT_PATH",
            )
        if isinstance(error, TimeoutError):
            return EngineUnavailable(f"{where}: no answer within {self._call.timeout_s:g} s")
        number = _errno(error)
        if number in (errno.EACCES, errno.EPERM):
            return EngineNotPermitted(f"{where}: {os.strerror(number)}")
        if number is not None:
            return EngineUnavailable(f"{where}: {os.strerror(number)}")
        is_cut = _is_of_aiohttp(error, "ClientPayloadError", "ServerDisconnectedError")
        if isinstance(error, CutShortError) or is_cut:
            return EngineUnavailable(f"{where}: it ended the connection in mid-answer")
        return EngineUnavailable(f"{where}: {error or type(error).__name__}")


def _is_of_aiohttp(error: BaseException | None, *names: str) -> TypeGuard[BaseException]:
    """Whether it is one of these errors, or any of them all; loads nothing."""
    aiohttp = sys.modules.get("aiohttp")
    if aiohttp is None:
        return False
    kinds = tuple(getattr(aiohttp, name) for name in names or ("ClientError",))
    return isinstance(error, kinds)


def _errno(error: BaseException | None) -> int | None:
    """The operating system's error number, wherever in the chain it stands."""
    while error is not None:
        number = getattr(getattr(error, "os_error", error), "errno", None)
        if isinstance(number, int) and number > 0:
            return number
        error = error.__cause__
    return None


def lower_headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}
