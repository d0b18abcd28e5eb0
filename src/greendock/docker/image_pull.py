"""One attempt to fetch one image: watches the engine's stream and passes progress on.

Knows nothing of retries or of what the image is for. Called by the image job.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from greendock.base.clock import Clock
from greendock.base.errors import Retry
from greendock.docker.engine import Engine
from greendock.docker.engine_model import RegistryAuth
from greendock.docker.errors import EngineUnavailable, PullStalled
from greendock.docker.model import ImageProgress
from greendock.docker.pull_stream import PullEvent, PullFold
from greendock.docker.reference import ImageReference

_PROGRESS_EVERY_S = 0.1

OnProgress = Callable[[ImageProgress], None]


@dataclass(frozen=True, slots=True)
class PullLimits:
    """`stall_s`: the longest silence of the engine; `deadline_s`: for the whole attempt."""

    stall_s: float
    deadline_s: float


@dataclass(frozen=True, slots=True)
class PullOutcome:
    """`digest`: what the engine said it fetched, if it did; `downloaded_bytes`: as counted."""

    digest: str | None
    downloaded_bytes: int


class ImagePull:
    """One attempt. Cancelling `run` cancels the engine's pull."""

    def __init__(self, engine: Engine, clock: Clock, reference: ImageReference) -> None:
        self._engine = engine
        self._clock = clock
        self._reference = reference
        self._fold = PullFold()
        self._next_progress = 0.0

    async def run(
        self, limits: PullLimits, on_progress: OnProgress, auth: RegistryAuth | None = None
    ) -> PullOutcome:
        """Fetch the image. Raises a DockerError; what was fetched so far is the engine's."""
        timer = asyncio.timeout(limits.deadline_s)
        try:
            async with timer:
                await self._follow(limits, on_progress, auth)
        except TimeoutError as error:
            if not timer.expired():
                raise
            raise PullStalled(
                f"cannot pull {self._reference}: not done within {limits.deadline_s:g} s",
                retry=Retry.NEVER,
            ) from error
        return PullOutcome(self._fold.digest, self._fold.downloaded_bytes)

    async def _follow(
        self, limits: PullLimits, on_progress: OnProgress, auth: RegistryAuth | None
    ) -> None:
        pull = self._engine.pull(
            self._reference, registry_auth=auth, deadline_s=limits.deadline_s + 1
        )
        async with aclosing(pull) as events:
            while (event := await self._next(events, limits)) is not None:
                news = self._fold.apply(event)
                now = self._clock.monotonic()
                if news or now >= self._next_progress:
                    self._next_progress = now + _PROGRESS_EVERY_S
                    on_progress(self._fold.progress(self._reference.familiar))
        if not self._fold.is_complete and not self._engine.is_podman:
            raise EngineUnavailable(
                f"cannot pull {self._reference}: the engine stopped in the middle of it"
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
                f"cannot pull {self._reference}: no progress for {limits.stall_s:g} s"
            ) from error
