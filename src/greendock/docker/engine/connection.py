"""HTTP to the engine: one session over its socket, time limits, and errors by errno.

The only module that touches aiohttp, which is imported with the first request. Knows nothing of
what is asked. Called by the engine client.
"""

from __future__ import annotations

import errno
import os
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from greendock.docker.engine.address import EngineAddress, EngineTls
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
    body: AsyncIterable[bytes] | None = None

    def __repr__(self) -> str:
        return f"Call({self.method} {self.path})"


class EngineConnection:
    """Keeps connections to one engine open between requests. Belongs to one event loop."""

    def __init__(self, address: EngineAddress) -> None:
        self.address = address
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, call: Call) -> Answer:
        """The answer to `call`. Raises EngineUnavailable, EngineNotPermitted."""
        async with self.stream(call) as response:
            with self._typed_errors(call):
                body = await response.read()
            return Answer(response.status, lower_headers(response), body)

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
                connector = aiohttp.TCPConnector(limit=0, ssl=_tls_context(self.address.tls))
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
        import aiohttp

        if isinstance(error, aiohttp.ClientError | OSError | TimeoutError):
            raise self._typed(error) from error

    def _typed(self, error: BaseException) -> DockerError:
        import aiohttp

        where = f"cannot reach the Docker engine at {self._address} ({self._address.source})"
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
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
        if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError):
            return EngineUnavailable(f"{where}: it ended the connection in mid-answer")
        return EngineUnavailable(f"{where}: {error or type(error).__name__}")


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


def _tls_context(tls: EngineTls) -> ssl.SSLContext:
    """As the docker command: its own authority file, and a client certificate if there is one."""
    folder = tls.folder
    try:
        authority = str(folder / "ca.pem")
        context = ssl.create_default_context(cafile=authority if tls.verify else None)
        if not tls.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if (folder / "cert.pem").exists():
            context.load_cert_chain(str(folder / "cert.pem"), str(folder / "key.pem"))
    except OSError as error:  # ssl.SSLError is one
        raise EngineAddressError(
            f"cannot use the certificates in {folder} for the engine: {error}",
            hint="DOCKER_CERT_PATH names a folder with ca.pem, cert.pem and key.pem",
        ) from error
    return context
