"""What tests of the registry client share: a client in the lab's network, engines to ask for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from greendock.base.clock import SystemClock
from greendock.docker.engine.model import RegistryAuth, read_info
from greendock.docker.reference import parse_image
from greendock.docker.registry.client import Registry, RemoteImage
from greendock.docker.registry.endpoints import RegistryPlace
from greendock.docker.registry.manifest import Blob
from greendock.net.http import HttpClient
from greendock.net.proxy import ProxySettings, read_proxy
from lab import images
from lab.connections import connections_end
from lab.images import own_architecture

ENGINE = replace(
    read_info(b"{}", api_version="1.48", is_podman=False), architecture=own_architecture()
)


class ForwardClock(SystemClock):
    """The machine's clock, put forward by a test."""

    def __init__(self) -> None:
        self.forward_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.forward_s


class Asking:
    """Asks registries, each time in a loop of its own with a client of its own."""

    def __init__(self, certificates: Path) -> None:
        self.certificates = certificates
        self.proxies = ProxySettings()
        self.stall_s = 20.0
        self.place = RegistryPlace(ENGINE, is_local=True)
        self.clock = ForwardClock()

    def set_engine(self, **changes: Any) -> None:
        self.place = replace(self.place, engine=replace(self.place.engine, **changes))

    def describe(self, image: str, auth: RegistryAuth | None = None) -> RemoteImage:
        return self.run(lambda registry: self.described(registry, image, auth))

    def described(
        self, registry: Registry, image: str, auth: RegistryAuth | None = None
    ) -> Awaitable[RemoteImage]:
        return registry.describe(parse_image(image), self.place, auth)

    def unpacked(
        self, registry: Registry, image: str, found: RemoteImage, layers: Sequence[Blob]
    ) -> Awaitable[int]:
        return registry.unpacked_bytes(parse_image(image), found, layers, self.place, None)

    def run(self, action: Callable[[Registry], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            http = HttpClient(lambda: self.proxies, user_agent="greendock-test")
            registry = Registry(
                http, self.clock, stall_s=self.stall_s, certificates=self.certificates
            )
            try:
                async with asyncio.timeout(60):
                    return await action(registry)
            finally:
                await http.close()
                await connections_end()

        return asyncio.run(whole())


class LabAsking(Asking):
    """From inside the lab's network, through its proxy."""

    def __init__(self, lab: Any, certificates: Path) -> None:
        super().__init__(certificates)
        self._lab = lab
        proxy = read_proxy("http://127.0.0.1:3128", "the test")
        self.proxies = ProxySettings(http=proxy, https=proxy)

    def run(self, action: Callable[[Registry], Awaitable[Any]]) -> Any:
        with self._lab.namespaces.network():
            return super().run(action)


class SmallRegistry:
    """A registry without TLS on this machine, which lies when it is told to.

    `answers`: what to send instead, by what the path ends with: a status, or a whole response.
    `allow`: values of Authorization that it accepts; empty: everybody may read. `challenge`: what
    it says to the others, with {port} for its port. `seen`: each request's path, Authorization.
    """

    def __init__(self) -> None:
        self.port = 0
        self.manifests: dict[str, tuple[bytes, str]] = {}
        self.blobs: dict[str, bytes] = {}
        self.answers: dict[str, web.Response | int] = {}
        self.allow: set[str] = set()
        self.challenge = 'Basic realm="small"'
        self.tokens: list[dict[str, Any]] = []
        self.seen: list[tuple[str, str | None]] = []
        self.forms: list[dict[str, Any]] = []

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    def put(self, name: str, image: images.Image | images.Index) -> None:
        for part in image.images if isinstance(image, images.Index) else (image,):
            self.manifests[part.digest] = (part.manifest, part.media_type)
            self.blobs.update({images.digest_of(blob): blob for blob in part.blobs})
        self.manifests[image.digest] = self.manifests[name] = (image.manifest, image.media_type)

    def authorizations(self, part: str) -> list[str | None]:
        """What was shown with each request whose path has `part` in it."""
        return [shown for path, shown in self.seen if part in path]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[SmallRegistry]:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        shown = request.headers.get("Authorization")
        self.seen.append((request.path_qs, shown))
        if request.method == "CONNECT":
            return web.Response(status=502)
        if request.path == "/token":
            if request.method == "POST":
                self.forms.append(dict(await request.post()))
            return web.json_response(self.tokens.pop(0))
        if self.allow and shown not in self.allow:
            challenge = self.challenge.format(port=self.port)
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        for end, answer in self.answers.items():
            if request.path.endswith(end):
                if isinstance(answer, int):
                    return web.Response(status=answer)
                # A response can be sent once only.
                body, headers = answer.body, answer.headers
                return web.Response(status=answer.status, body=body, headers=headers)
        return self._stored(request)

    def _stored(self, request: web.Request) -> web.Response:
        name = request.path.rpartition("/")[2]
        if "/manifests/" in request.path and name in self.manifests:
            body, media_type = self.manifests[name]
            return web.Response(body=body, headers={"Content-Type": media_type})
        if name not in self.blobs:
            return web.Response(status=404)
        if request.headers.get("Range") == "bytes=-4":
            return web.Response(status=206, body=self.blobs[name][-4:])
        return web.Response(body=self.blobs[name])


@pytest.fixture
def small() -> SmallRegistry:
    """A small registry, to be opened in the loop of the test."""
    return SmallRegistry()


@pytest.fixture
def asking(tmp_path) -> Asking:
    """Without proxy, in the network of the test; no folder of certificates."""
    return Asking(tmp_path / "certs.d")


@pytest.fixture
def lab_asking(lab, tmp_path, monkeypatch) -> LabAsking:
    """In the lab's network; the lab's authority is one of the system's."""
    monkeypatch.setenv("SSL_CERT_FILE", str(lab.certificate_authority))
    return LabAsking(lab, tmp_path / "certs.d")
