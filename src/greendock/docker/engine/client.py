"""The thin client of the Docker Engine API: the only caller of the engine.

Gives typed results and typed errors; decides nothing about images. Speaks to Docker 1.9.1 (API
1.21) and later and to Podman's compatible service. Called by everything in `docker/`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from greendock.base.clock import Clock, SystemClock
from greendock.docker.engine.address import EngineAddress
from greendock.docker.engine.api_version import (
    PLATFORM_PARAMETER,
    ApiVersion,
    choose_version,
    show_version,
)
from greendock.docker.engine.connection import Answer, Call, EngineConnection, lower_headers
from greendock.docker.engine.lookup import find_engine_address
from greendock.docker.engine.model import (
    EngineInfo,
    ImageInfo,
    RegistryAuth,
    read_api_version,
    read_image,
    read_info,
    read_message,
)
from greendock.docker.engine.pull_stream import PullEvent, read_pull_line
from greendock.docker.engine.texts import error_for
from greendock.docker.errors import (
    ApiVersionRefused,
    DockerError,
    EngineUnavailable,
    ImageQueryFailed,
    PullFailed,
)
from greendock.docker.reference import ImageReference

if TYPE_CHECKING:
    import aiohttp

_PING_TIMEOUT_S = 5.0
_REQUEST_TIMEOUT_S = 60.0
_SHORTEST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.5
_NOTICE_EVERY_S = 5.0

OnWait = Callable[[str], None]


class Engine:
    """One engine. `api_version` forces the version, as DOCKER_API_VERSION does for docker."""

    def __init__(
        self,
        address: EngineAddress,
        *,
        api_version: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.address = address
        self._forced = api_version
        self._clock = clock or SystemClock()
        self._connection = EngineConnection(address)
        self._version: ApiVersion | None = None
        self._is_podman = False
        self._negotiating = asyncio.Lock()

    @classmethod
    def from_environment(cls, configured: str | None, environ: Mapping[str, str]) -> Engine:
        """The engine that `docker.host` or the docker command's environment names."""
        address = find_engine_address(configured, environ)
        return cls(address, api_version=environ.get("DOCKER_API_VERSION") or None)

    @property
    def is_podman(self) -> bool:
        """Whether Podman answers at this address; known after the first request."""
        return self._is_podman

    async def wait_until_ready(self, deadline_s: float, on_wait: OnWait) -> None:
        """Return as soon as the engine answers, or raise EngineUnavailable after `deadline_s`.

        `on_wait` gets a line for people at the first failure and every few seconds after it.
        EngineNotPermitted, EngineTooOld and ApiVersionRefused are raised at once.
        """
        start = self._clock.monotonic()
        pause, next_notice = _SHORTEST_PAUSE_S, start
        while True:
            left = start + deadline_s - self._clock.monotonic()
            try:
                await self._negotiate(min(_PING_TIMEOUT_S, max(left, 1.0)))
                return
            except EngineUnavailable as error:
                now = self._clock.monotonic()
                left = start + deadline_s - now
                if left <= 0:
                    message = f"{error.message}; waited {deadline_s:g} s"
                    raise EngineUnavailable(message, hint=error.hint) from error
                if now >= next_notice:
                    on_wait(f"waiting for the Docker engine, {left:.0f} s left: {error.message}")
                    next_notice = now + _NOTICE_EVERY_S
            await self._clock.sleep(min(pause, left))
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def info(self) -> EngineInfo:
        """What the engine and its machine are."""
        answer = await self.ask("GET", "/info")
        if answer.status != 200:
            raise self.failure("cannot ask the engine for its state", answer, DockerError)
        version = show_version(await self._api_version())
        return read_info(answer.body, api_version=version, is_podman=self._is_podman)

    async def inspect_image(self, name: ImageReference | str) -> ImageInfo | None:
        """The image under this name or id (sha256:…); None if the engine has none."""
        text = name if isinstance(name, str) else name.pull_reference
        answer = await self.ask("GET", f"/images/{text}/json")
        if answer.status == 404:
            return None
        if answer.status != 200:
            prefix = f"cannot look up image {name}"
            raise self.failure(prefix, answer, ImageQueryFailed)
        return read_image(answer.body)

    async def pull(
        self,
        reference: ImageReference,
        *,
        platform: str | None = None,
        registry_auth: RegistryAuth | None = None,
        deadline_s: float = 3600.0,
        shown: ImageReference | None = None,
    ) -> AsyncGenerator[PullEvent, None]:
        """Fetch an image, one event per line of the engine; closing the iterator cancels.

        `shown`: what errors call it, when that is not `reference`.

        Use it with `contextlib.aclosing`. Raises what `texts.py` makes of an error, before
        the first event or after any. A stopped engine may end the events without an error.
        """
        prefix = f"cannot pull {shown or reference}"
        version = await self._api_version()
        # Without `tag` the engine would fetch every tag of the repository.
        params = {"fromImage": reference.familiar_name, "tag": _selector(reference)}
        if platform is not None:
            if version < PLATFORM_PARAMETER:
                raise PullFailed(
                    f"{prefix} for {platform}: the engine's API "
                    f"{show_version(version)} has no such choice"
                )
            params["platform"] = platform
        headers = {"X-Registry-Auth": registry_auth.header()} if registry_auth else None
        path = f"/v{show_version(version)}/images/create"
        call = Call("POST", path, deadline_s, params, headers)
        async with aclosing(self._lines(call, prefix)) as lines:
            async for line in lines:
                event = read_pull_line(line)
                if event.error is not None:
                    raise error_for(prefix, event.error)
                yield event

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: AsyncIterable[bytes] | None = None,
        deadline_s: float,
        what: str,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of an answer as it arrives; `body` is sent as it comes. `path` has no version.

        `what`: "cannot <verb> <thing>", for errors. Leaving early closes the connection.
        """
        version = show_version(await self._api_version())
        headers = {"Content-Type": "application/x-tar"} if body is not None else None
        call = Call(method, f"/v{version}{path}", deadline_s, params, headers, body)
        async with self._connection.stream(call) as response:
            if response.status != 200:
                rest = b""
                while chunk := await self._connection.read_some(call, response):
                    rest += chunk
                raise self.failure(
                    what, Answer(response.status, lower_headers(response), rest), DockerError
                )
            yield self._pieces(call, response)

    async def _pieces(self, call: Call, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        while chunk := await self._connection.read_some(call, response):
            yield chunk

    async def close(self) -> None:
        """Close the connections; the engine can be used again afterwards."""
        await self._connection.close()

    async def _lines(self, call: Call, prefix: str) -> AsyncGenerator[bytes, None]:
        async with self._connection.stream(call) as response:
            rest = b""
            while chunk := await self._connection.read_some(call, response):
                if response.status != 200:
                    rest += chunk
                    continue
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if line and not line.isspace():
                        yield line
            if response.status != 200:
                answer = Answer(response.status, lower_headers(response), rest)
                raise self.failure(prefix, answer, PullFailed)
            if rest and not rest.isspace():
                yield rest

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        registry_auth: RegistryAuth | None = None,
        timeout_s: float = _REQUEST_TIMEOUT_S,
        json_body: bytes | None = None,
    ) -> Answer:
        """The whole answer to a request; `path` without the API version.

        Raises EngineUnavailable and its like; what the answer's status means is the caller's.
        """
        headers = {"X-Registry-Auth": registry_auth.header()} if registry_auth else {}
        if json_body is not None:
            headers["Content-Type"] = "application/json"
        version = show_version(await self._api_version())
        try:
            call = Call(method, f"/v{version}{path}", timeout_s, params, headers, json_body)
            return await self._connection.ask(call)
        except EngineUnavailable:
            self._version = None  # another engine may stand there when it is back
            raise

    async def ping(self, timeout_s: float) -> None:
        """Ask whether the engine is there for who comes now, and for its version; one that is
        about to end is not. Raises EngineUnavailable …"""
        await self._negotiate(timeout_s)

    async def _api_version(self) -> ApiVersion:
        if self._version is None:
            async with self._negotiating:
                if self._version is None:
                    await self._negotiate(_PING_TIMEOUT_S)
        assert self._version is not None  # noqa: S101 - for the type checker
        return self._version

    async def _negotiate(self, timeout_s: float) -> None:
        """Ask for the engine's version, by /_ping; old engines tell it in /version only."""
        ping = await self._connection.ask_anew(Call("GET", "/_ping", timeout_s))
        if ping.status >= 500:
            raise EngineUnavailable(
                f"cannot use the Docker engine at {self.address} ({self.address.source}): "
                f"HTTP {ping.status}: {read_message(ping.body)}"
            )
        self._is_podman = ping.headers.get("server", "").lower().startswith("libpod")
        engine = ping.headers.get("api-version", "")
        if not engine:
            answer = await self._connection.ask(Call("GET", "/version", timeout_s))
            engine = read_api_version(answer.body) if answer.status == 200 else ""
        self._version = choose_version(engine, self._forced)

    async def api_version(self) -> ApiVersion:
        """The version that is spoken with the engine."""
        return await self._api_version()

    @staticmethod
    def failure(prefix: str, answer: Answer, otherwise: type[DockerError]) -> DockerError:
        """The error for an answer that is none; `otherwise` where its text says nothing known."""
        found = error_for(prefix, read_message(answer.body), answer.status)
        if otherwise is PullFailed or isinstance(found, ApiVersionRefused | EngineUnavailable):
            return found
        return otherwise(found.message, hint=found.hint)


def _selector(reference: ImageReference) -> str:
    return reference.digest or reference.tag or "latest"
