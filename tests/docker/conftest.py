"""What tests of images share: settings and a log as plain classes, and a scene."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from greendock.base.clock import SystemClock
from greendock.docker.credentials.registry_credentials import RegistryCredentials
from greendock.docker.engine.client import Engine
from greendock.docker.engine.model import ImageInfo
from greendock.docker.model import EnsuredImage, ImageProgress, ImageRequest, RegistryAccount
from greendock.docker.pull_policy import PullPolicy, RetryLimits
from greendock.docker.pulling.image_parts import ImageParts, images_of
from greendock.docker.pulling.images import Images
from greendock.docker.pulling.platform_check import PlatformCheck
from greendock.docker.reference import ImageReference
from greendock.docker.registry.client import Registry
from greendock.net.connectivity import Connectivity
from greendock.net.http import HttpClient
from greendock.net.proxy import ProxySettings, read_proxy
from lab.connections import connections_end

if TYPE_CHECKING:
    from lab.lab import Lab

LAB_PROXY = read_proxy("http://127.0.0.1:3128", "the lab")


@dataclass
class Settings:
    """Image settings that a test sets."""

    engine_wait_s: float = 30
    max_concurrent_pulls: int = 3
    pull_deadline_s: float = 120
    pull_stall_s: float = 30
    policy: PullPolicy = PullPolicy.AS_DOCUMENTED
    disk_margin_bytes: int = 1_000_000
    disk_high_watermark_percent: float = 100
    registry_accounts: dict[str, RegistryAccount] = field(default_factory=dict)

    def pull_policy(self, component: str) -> PullPolicy:
        return self.policy


@dataclass
class Entries:
    """A log that keeps what is written."""

    written: list[tuple[str, str, str, dict[str, str]]] = field(default_factory=list)

    def write(self, level: str, event: str, message: str, **contexts: str) -> None:
        self.written.append((level, event, message, contexts))

    def events(self) -> list[str]:
        return [event for _, event, _, _ in self.written]

    def text(self) -> str:
        return "\n".join(message for _, _, message, _ in self.written)


@dataclass
class Record:
    """Remembers pulls as the ledger does."""

    begun: list[str] = field(default_factory=list)
    ended: list[tuple[str, str]] = field(default_factory=list)

    def fetching(self, reference: ImageReference) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def begin(self, reference: ImageReference, present: ImageInfo | None) -> None:
        self.begun.append(reference.pull_reference)

    def end(self, reference: ImageReference, image: ImageInfo) -> None:
        self.ended.append((reference.pull_reference, image.id))

    def named(self, reference: ImageReference, image: ImageInfo) -> None:
        self.ended.append((reference.pull_reference, image.id))


@dataclass(frozen=True)
class Password:
    username: str
    password: str
    expires_at: float


@dataclass
class Tokens:
    """Amazon ECR's passwords, from the lab. `lifetimes_s` of the next ones; then an hour."""

    lab: Lab | None
    asked: list[tuple[str, str]] = field(default_factory=list)
    lifetimes_s: list[float] = field(default_factory=list)

    async def authorization(self, account: str, region: str, host: str) -> Password:
        self.asked.append((account, region))
        lifetime_s = self.lifetimes_s.pop(0) if self.lifetimes_s else 3600
        assert self.lab is not None
        password = await asyncio.to_thread(self.lab.ecr_password, lifetime_s)
        return Password("AWS", password, time.time() + lifetime_s)


class Scene:
    """Ensures images on an engine and keeps what was told on the way."""

    def __init__(
        self, lab: Lab | None, docker_host: str = "", api_version: str | None = None
    ) -> None:
        """Without a lab it sees no network but the machine's own, and needs `docker_host`."""
        self.lab = lab
        self.docker_host = docker_host or (lab.docker_host if lab else "")
        self.api_version = api_version
        self.settings = Settings()
        self.journal = Entries()
        self.record = Record()
        self.tokens = Tokens(lab)
        self.freed: list[int] = []
        self.protected: list[str] = []
        self.progress: list[ImageProgress] = []
        self.limits = RetryLimits(first_pause_s=0.05, longest_pause_s=0.1)
        self.proxies = ProxySettings(LAB_PROXY, LAB_PROXY)

    def run(self, action: Callable[[Engine, Images], Awaitable[Any]]) -> Any:
        """Run `action` in a loop of its own, with an engine that is closed after it."""
        place = self.lab.namespaces.network() if self.lab else contextlib.nullcontext()
        with place:
            return asyncio.run(self._whole(action))

    async def _whole(self, action: Callable[[Engine, Images], Awaitable[Any]]) -> Any:
        environ = {"DOCKER_API_VERSION": self.api_version} if self.api_version else {}
        engine = Engine.from_environment(self.docker_host, environ)
        http = HttpClient(lambda: self.proxies, user_agent="tests")
        network = Connectivity()
        clock = SystemClock()
        parts = ImageParts(
            protect=self.protected.append,
            engine=engine,
            platform=PlatformCheck(engine),
            settings=self.settings,
            journal=self.journal,
            clock=clock,
            registry=Registry(http, clock, stall_s=self.settings.pull_stall_s),
            credentials=RegistryCredentials(
                self.settings, self.tokens, self.journal, clock, {"HOME": "/nonexistent"}
            ),
            network=network,
            record=self.record,
            free_up=self._free_up,
            known_id=lambda _: None,
            limits=self.limits,
        )
        try:
            async with asyncio.timeout(100):
                return await action(engine, images_of(parts))
        finally:
            network.close()
            await http.close()
            await engine.close()
            await connections_end()

    async def _free_up(self) -> int:
        self.freed.append(0)
        return 0

    def requests(self, *uris: str) -> list[ImageRequest]:
        return [ImageRequest(uri, ("com.example.App 1.0.0",)) for uri in uris]

    def ensure(self, *uris: str) -> list[EnsuredImage]:
        return self.run(lambda _, images: images.ensure(self.requests(*uris), self.listen))

    def listen(self, progress: ImageProgress) -> None:
        self.progress.append(progress)

    def phases(self, image: str) -> list[str]:
        """The phases of one image, each once per change."""
        found = [progress.phase for progress in self.progress if progress.image == image]
        return [x for i, x in enumerate(found) if i == 0 or found[i - 1] != x]


@pytest.fixture
def make_scene() -> Callable[..., Scene]:
    """Makes scenes: `make_scene(lab or None, docker_host, api_version)`."""
    return Scene


@pytest.fixture
def scene(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A scene on the lab's engine, which has no images at the start."""
    monkeypatch.setenv("SSL_CERT_FILE", str(lab.certificate_authority))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    lab.reset()
    return Scene(lab)
