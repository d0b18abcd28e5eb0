"""One attempt to fetch one image: watches the engine's stream and passes progress on.

Knows nothing of retries or of what the image is for. Called by the image job.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from greendock.base.clock import Clock
from greendock.base.errors import Retry
from greendock.docker.engine.client import Engine
from greendock.docker.engine.model import RegistryAuth
from greendock.docker.engine.pull_stream import PullEvent, PullFold
from greendock.docker.errors import EngineUnavailable, PullStalled
from greendock.docker.reference import ImageReference

_PROGRESS_EVERY_S = 0.1
_LOG_EVERY_S = 10.0


class PullListener(Protocol):
    """Who is told how the pull goes on."""

    def downloading(self, fold: PullFold) -> None:
        """Several times a second."""

    def log_progress(self, fold: PullFold) -> None:
        """Every few seconds, for a log."""


@dataclass(frozen=True, slots=True)
class PullLimits:
    """`stall_s`: the longest silence of the engine; `deadline_s`: for this attempt, what is left
    of `total_s` for all of them."""

    stall_s: float
    deadline_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class PullOutcome:
    """`digest`: what the engine said it fetched, if it did; `downloaded_bytes`: as counted."""

    digest: str | None
    downloaded_bytes: int


class ImagePull:
    """One attempt at `wanted`, which errors call `shown`. Cancelling `run` cancels the engine's
    pull."""

    def __init__(
        self, engine: Engine, clock: Clock, wanted: ImageReference, shown: ImageReference
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._wanted = wanted
        self._shown = shown
        self._fold = PullFold()
        self._next_progress = 0.0
        self._next_log = clock.monotonic() + _LOG_EVERY_S

    async def run(
        self, limits: PullLimits, listener: PullListener, auth: RegistryAuth | None = None
    ) -> PullOutcome:
        """Fetch the image. Raises a DockerError; what was fetched so far is the engine's."""
        timer = asyncio.timeout(limits.deadline_s)
        try:
            async with timer:
                await self._follow(limits, listener, auth)
        except TimeoutError as error:
            if not timer.expired():
                raise
            raise PullStalled(
                f"cannot pull {self._shown}: not done within {limits.total_s:g} s",
                retry=Retry.NEVER,
            ) from error
        return PullOutcome(self._fold.digest, self._fold.downloaded_bytes)

    async def _follow(
        self, limits: PullLimits, listener: PullListener, auth: RegistryAuth | None
    ) -> None:
        pull = self._engine.pull(
            self._wanted,
            registry_auth=auth,
            deadline_s=limits.deadline_s + 1,
            shown=self._shown,
        )
        async with aclosing(pull) as events:
            while (event := await self._next(events, limits)) is not None:
                news = self._fold.apply(event)
                now = self._clock.monotonic()
                if news or now >= self._next_progress:
                    self._next_progress = now + _PROGRESS_EVERY_S
                    listener.downloading(self._fold)
                if now >= self._next_log:
                    self._next_log = now + _LOG_EVERY_S
                    listener.log_progress(self._fold)
        if not self._fold.is_complete and not self._engine.is_podman:
            raise EngineUnavailable(
                f"cannot pull {self._shown}: the engine stopped in the middle of it"
            )

    async def _next(
        self, events: AsyncGenerator[PullEvent, None], limits: PullLimits
    ) -> PullEvent | None:
        """The next event; None at the end. Raises PullStalled after too long a silence."""
        # Podman sends nothing while it downloads, Docker nothing while it unpacks.
        is_silent = self._engine.is_podman or self._fold.is_extracting
        timer = asyncio.timeout(None if is_silent else limits.stall_s)
        try:
            async with timer:
                return await anext(events, None)
        except TimeoutError as error:
            if not timer.expired():
                raise
            raise PullStalled(
                f"cannot pull {self._shown}: no progress for {limits.stall_s:g} s"
            ) from error
