"""What tests of images share: settings and a log as plain classes, and a scene."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from greendock.docker.engine import Engine
from greendock.docker.images import Images
from greendock.docker.model import (
    EnsuredImage,
    ImageProgress,
    ImageRequest,
    RegistryAccount,
)
from greendock.docker.pull_policy import PullPolicy, RetryLimits


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


class Scene:
    """Ensures images on an engine and keeps what was told on the way."""

    def __init__(self, docker_host: str, api_version: str | None = None) -> None:
        self.docker_host = docker_host
        self.api_version = api_version
        self.settings = Settings()
        self.journal = Entries()
        self.progress: list[ImageProgress] = []
        self.retry_limits = RetryLimits(attempts=4, first_pause_s=0.05, longest_pause_s=0.1)

    def run(self, action: Callable[[Engine, Images], Awaitable[Any]]) -> Any:
        """Run `action` in a loop of its own, with an engine that is closed after it."""

        async def whole() -> Any:
            environ = {"DOCKER_API_VERSION": self.api_version} if self.api_version else {}
            engine = Engine.from_environment(self.docker_host, environ)
            images = Images(engine, self.settings, self.journal, retry_limits=self.retry_limits)
            try:
                async with asyncio.timeout(100):
                    return await action(engine, images)
            finally:
                await engine.close()

        return asyncio.run(whole())

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
def make_scene() -> type[Scene]:
    return Scene


@pytest.fixture
def scene(lab) -> Scene:
    """A scene on the lab's engine, which has no images at the start."""
    lab.reset()
    return Scene(lab.docker_host)
