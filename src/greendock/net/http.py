"""The HTTP client for everything outside this device: registries, Amazon S3 and ECR, credentials.

Chooses the proxy, checks certificates, limits times and turns what aiohttp raises into network
errors. Knows nothing of what is asked, and follows no redirect: whoever asks decides who may see
its credentials. aiohttp is imported with the first request.
"""

from __future__ import annotations

import base64
import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from greendock.base.errors import Retry
from greendock.net.errors import (
    ConnectionBroken,
    ConnectionRefused,
    NameNotResolved,
    NetworkError,
    NoAnswer,
    ProxyRefused,
    TlsFailed,
)
from greendock.net.proxy import Proxy, ProxySettings, proxy_for

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

_CONNECT_TIMEOUT_S = 15.0
_BREAKS = frozenset({errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE})
_Stamps = tuple[int | None, ...]
_LONGEST_TEXT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom to believe, and who we are.

    `authorities`: PEM files besides the system's authorities. `certificate` and `key`: PEM files
    that prove who this device is. `verify` False takes any certificate.
    """

    authorities: tuple[Path, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Address, header values and body may hold credentials and are never shown whole.

    `stall_s`: the longest wait for the next byte; `timeout_s`: for the whole, None for no limit.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    trust: Trust = field(default_factory=Trust)
    stall_s: float = 30.0
    timeout_s: float | None = 60.0

    @property
    def place(self) -> str:
        """Scheme, host and path: a query can hold a signature."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class Response:
    """An answer whose body is still to be read."""

    def __init__(self, request: Request, raw: aiohttp.ClientResponse) -> None:
        self._request = request
        self._raw = raw
        self.status = raw.status
        self.headers = {name.lower(): value for name, value in raw.headers.items()}
        """Names in lower case; of a repeated header the last value."""

    def all_values(self, name: str) -> tuple[str, ...]:
        """The values of a header that may be repeated, in their order."""
        return tuple(self._raw.headers.getall(name, ()))

    async def read(self, most_bytes: int = _LONGEST_TEXT_BYTES) -> bytes:
        """The body, cut off at `most_bytes`. Raises NetworkError."""
        parts: list[bytes] = []
        left = most_bytes
        async for chunk in self.chunks():
            parts.append(chunk[:left])
            left -= len(chunk)
            if left <= 0:
                break
        return b"".join(parts)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises NetworkError, also when it ends too early."""
        with _Typed(self._request):
            async for chunk in self._raw.content.iter_any():
                yield chunk


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def _hang_up(raw: aiohttp.ClientResponse) -> None:
    """At once: an orderly end of TLS would wait for a peer that nobody listens to any more."""
    connection = raw.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()
    raw.close()


class HttpClient:
    """Keeps connections between requests. Belongs to one event loop; `close` it at the end.

    `proxies` is asked for each request, so that a changed configuration counts at once.
    """

    def __init__(self, proxies: Callable[[], ProxySettings], *, user_agent: str) -> None:
        self._proxies = proxies
        self._user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None
        self._contexts: dict[Trust, tuple[_Stamps, ssl.SSLContext]] = {}

    async def ask(self, request: Request) -> Answer:
        """The whole answer to `request`. Raises NetworkError."""
        async with self.open(request) as response:
            return Answer(response.status, response.headers, await response.read())

    @asynccontextmanager
    async def open(self, request: Request) -> AsyncIterator[Response]:
        """The answer with its body unread; leaving early closes the connection."""
        import aiohttp

        proxy = _chosen_proxy(request, self._proxies())
        with _Typed(request, proxy):
            raw = await self._opened().request(
                request.method,
                _exact(request.url),
                headers=_headers(request, proxy),
                data=request.body,
                allow_redirects=False,
                ssl=self._context(request),
                timeout=aiohttp.ClientTimeout(
                    total=request.timeout_s,
                    sock_connect=_CONNECT_TIMEOUT_S,
                    sock_read=request.stall_s,
                ),
                proxy=proxy.url if proxy else None,
                proxy_headers=_proxy_login(proxy),
            )
        try:
            if raw.status == 407 and proxy is not None:
                raise _refused_by_proxy(_what(request, proxy), _host(request), raw.status)
            yield Response(request, raw)
        finally:
            if raw.content.at_eof():
                raw.release()
            else:
                _hang_up(raw)

    async def close(self) -> None:
        import asyncio

        session, self._session = self._session, None
        if session is not None:
            await session.close()
            # Connections that were hung up before end with the loop's next round.
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, limit_per_host=16),
                headers={"User-Agent": self._user_agent},
                auto_decompress=False,
                trust_env=False,
                requote_redirect_url=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _context(self, request: Request) -> ssl.SSLContext | bool:
        if request.url[:6].lower() != "https:":
            return True
        trust = request.trust
        stamps = _stamps(trust)
        kept = self._contexts.get(trust)
        if kept is None or kept[0] != stamps:
            kept = self._contexts[trust] = (stamps, _tls_context(trust, request))
        return kept[1]


def _chosen_proxy(request: Request, settings: ProxySettings) -> Proxy | None:
    """Raises ConnectionRefused for what is no URL of a server."""
    try:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and parts.hostname:
            return proxy_for(request.url, settings)
    except ValueError:
        pass  # not chained: its text can hold a login
    raise ConnectionRefused(
        "cannot reach a server: its address is no valid URL",
        host="",
        hint="check the address of the server that the configuration names",
        retry=Retry.NEVER,
    )


def _exact(url: str) -> URL | str:
    """`url` as it is: a signature in it holds for this very spelling.

    One with characters that no URL has is put right instead.
    """
    from yarl import URL

    return URL(url, encoded=True) if all("!" <= x <= "~" for x in url) else url


def _what(request: Request, proxy: Proxy | None) -> str:
    """The beginning of an error's message."""
    what = f"cannot reach {request.place}"
    return f"{what} through the proxy {proxy.url} ({proxy.source})" if proxy else what


def _headers(request: Request, proxy: Proxy | None) -> Mapping[str, str]:
    """Without a tunnel the request itself tells the proxy who we are."""
    is_tunnelled = request.url[:6].lower() == "https:"
    return request.headers if is_tunnelled else {**request.headers, **(_proxy_login(proxy) or {})}


def _proxy_login(proxy: Proxy | None) -> dict[str, str] | None:
    if proxy is None or proxy.username is None:
        return None
    login = f"{proxy.username}:{proxy.password or ''}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(login).decode()}"}


def _stamps(trust: Trust) -> _Stamps:
    """What changes when one of the files is written anew: certificates are renewed."""
    found: list[int | None] = []
    for path in (*trust.authorities, trust.certificate, trust.key):
        try:
            found.append(path.stat().st_mtime_ns if path else None)
        except OSError:
            found.append(None)
    return tuple(found)


def _tls_context(trust: Trust, request: Request) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not trust.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        for path in trust.authorities:
            context.load_verify_locations(path)
        if trust.certificate is not None:
            context.load_cert_chain(trust.certificate, trust.key)
    except OSError as error:  # ssl.SSLError is one
        files = ", ".join(str(path) for path in (*trust.authorities, trust.certificate) if path)
        raise TlsFailed(
            f"cannot reach {request.place}: the certificate files {files} can't be used: {error}",
            host=_host(request),
            hint="the files have to be readable and in PEM form",
        ) from error
    return context


def _host(request: Request) -> str:
    return urlsplit(request.url).hostname or ""


class _Typed:
    """Turns what sockets and aiohttp raise into network errors."""

    def __init__(self, request: Request, proxy: Proxy | None = None) -> None:
        self._request = request
        self._proxy = proxy

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        import aiohttp

        if isinstance(error, aiohttp.ClientError | OSError | TimeoutError | ValueError):
            raise self._typed(error) from _quiet(error)

    def _typed(self, error: BaseException) -> NetworkError:
        import aiohttp

        what = _what(self._request, self._proxy)
        host = _host(self._request)
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return _refused_by_proxy(what, host, error.status)
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
            return TlsFailed(f"{what}: {_tls_reason(error)}", host=host)
        if isinstance(error, TimeoutError):
            return NoAnswer(f"{what}: no answer in time", host=host)
        number = _errno(error)
        if _is_break(error, number):
            return ConnectionBroken(f"{what}: {_break(error, number)}", host=host)
        if isinstance(error, aiohttp.ClientConnectorDNSError) or _is_name_error(error):
            return NameNotResolved(f"{what}: the name can't be resolved", host=host)
        if isinstance(error, aiohttp.ClientConnectorError):
            reason = os.strerror(number) if number else "no connection"
            return ConnectionRefused(f"{what}: {reason}", host=host)
        if number is not None:
            return ConnectionRefused(f"{what}: {os.strerror(number)}", host=host)
        if isinstance(error, aiohttp.InvalidURL | ValueError):
            return ConnectionRefused(f"{what}: no valid address", host=host, retry=Retry.NEVER)
        return ConnectionBroken(f"{what}: {_break(error, number)}", host=host)


def _refused_by_proxy(what: str, host: str, status: int) -> ProxyRefused:
    if status == 407:
        return ProxyRefused(
            f"{what}: the proxy wants a login",
            host=host,
            status=status,
            hint="set username and password of networkProxy.proxy in the nucleus configuration",
            retry=Retry.NEVER,
        )
    return ProxyRefused(
        f"{what}: the proxy answered {status}",
        host=host,
        status=status,
        retry=Retry.NEVER if status == 403 else None,
    )


def _tls_reason(error: BaseException) -> str:
    """OpenSSL's reason without its file and line."""
    inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    text = getattr(inner, "verify_message", "") or getattr(inner, "reason", "") or ""
    return f"TLS failed: {text}" if text else "TLS failed"


def _break(error: BaseException, number: int | None) -> str:
    import aiohttp

    if number == errno.ECONNRESET:
        return "the connection was reset"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the connection ended in the middle of the answer"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection ended without an answer"
    return "the connection broke"


def _is_name_error(error: BaseException) -> bool:
    return isinstance(getattr(error, "os_error", error), socket.gaierror)


def _is_break(error: BaseException, number: int | None) -> bool:
    """Whether a connection ended that had begun; a TLS handshake that ends early has no number."""
    inner = getattr(error, "os_error", None)
    return number in _BREAKS or (number is None and isinstance(inner, ConnectionError))


def _errno(error: BaseException | None) -> int | None:
    """The operating system's error number, wherever in the chain it stands."""
    while error is not None:
        number = getattr(getattr(error, "os_error", error), "errno", None)
        if isinstance(number, int) and number > 0:
            return number
        error = error.__cause__
    return None


def _quiet(error: BaseException) -> BaseException | None:
    """`error` as a cause; None where its text could hold the request's headers or query."""
    import aiohttp

    telling = aiohttp.ClientResponseError | ValueError | TimeoutError
    return None if isinstance(error, telling) else error
