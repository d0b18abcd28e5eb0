"""Ensures one image: looks, fetches, tries again, verifies.

Carries out what `pull_policy` decides; knows nothing of other images. Called by `Images`, with one
job per image.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from greendock.base.clock import Clock
from greendock.docker.engine import Engine
from greendock.docker.engine_model import ImageInfo
from greendock.docker.errors import DockerError, ImageNotFound, PlatformMismatch, PullFailed
from greendock.docker.image_pull import ImagePull, PullLimits, PullOutcome
from greendock.docker.image_story import ImageStory
from greendock.docker.platform_match import Match, Platform
from greendock.docker.ports import ImageSettings
from greendock.docker.pull_policy import (
    Action,
    FailedAttempt,
    Need,
    PullPolicy,
    RetryLimits,
    decide_after_failure,
    decide_need,
    local_may_stand_in,
)
from greendock.docker.pull_slots import PullSlots
from greendock.docker.reference import ImageReference


@dataclass(frozen=True, slots=True)
class JobTools:
    """What all jobs share. `match`: whether an image's platform fits the engine's machine."""

    engine: Engine
    settings: ImageSettings
    clock: Clock
    slots: PullSlots
    retry_limits: RetryLimits
    match: Callable[[Platform], Awaitable[tuple[Match, Platform]]]


@dataclass(frozen=True, slots=True)
class JobResult:
    """An image that is on the device. `digest`: the registry's, where known."""

    image: ImageInfo
    digest: str | None
    pulled: bool
    warning: str | None = None


class ImageJob:
    """The way of one image from "needed" to "there"."""

    def __init__(
        self, tools: JobTools, reference: ImageReference, policy: PullPolicy, story: ImageStory
    ) -> None:
        self._tools = tools
        self._reference = reference
        self._policy = policy
        self._story = story
        self._fetching_s = 0.0

    async def run(self) -> JobResult:
        """Ensure the image. Raises a DockerError."""
        local = await self._tools.engine.inspect_image(self._reference)
        self._story.needed(local, self._reference.warnings)
        need = decide_need(
            self._policy, is_pinned=self._reference.is_pinned, is_present=local is not None
        )
        if need is Need.REFUSE:
            raise ImageNotFound(
                f"cannot use {self._reference}: it is not on the device, and docker.pullPolicy "
                f"is {self._policy.value}",
                hint="load the image on the device, or allow to fetch it",
            )
        if need is Need.NOTHING and local is not None:
            warning = await self._verify_platform(local)
            self._story.present(local)
            return JobResult(local, self._digest(local, None), pulled=False, warning=warning)
        return await self._fetch(local)

    async def _fetch(self, local: ImageInfo | None) -> JobResult:
        number = 0
        while True:
            number += 1
            try:
                return await self._verify(local, await self._attempt(number))
            except DockerError as error:
                warning = await self._after_failure(error, number, local)
                if warning is not None and local is not None:
                    self._story.fell_back(warning, local)
                    digest = self._digest(local, None)
                    return JobResult(local, digest, pulled=False, warning=warning)

    async def _attempt(self, number: int) -> PullOutcome:
        tools = self._tools
        async with tools.slots.place():
            self._story.attempt(number)
            left = max(tools.settings.pull_deadline_s - self._fetching_s, 0.0)
            start = tools.clock.monotonic()
            try:
                pull = ImagePull(tools.engine, tools.clock, self._reference)
                limits = PullLimits(tools.settings.pull_stall_s, left)
                return await pull.run(limits, self._story.progress)
            finally:
                self._fetching_s += tools.clock.monotonic() - start

    async def _after_failure(
        self, error: DockerError, number: int, local: ImageInfo | None
    ) -> str | None:
        """Wait for the next attempt, or return the warning to fall back with, or raise."""
        stands_in = local_may_stand_in(
            self._policy, is_pinned=self._reference.is_pinned, is_present=local is not None
        )
        failed = FailedAttempt(number, error, stands_in)
        chance = random.random()  # noqa: S311 - spreads load, guards no secret
        decision = decide_after_failure(failed, self._tools.retry_limits, chance)
        if decision.action is Action.GIVE_UP:
            raise error
        if decision.action is Action.FALL_BACK:
            return f"using the image of this device, which may be older: {error.message}"
        if decision.action is Action.RETRY:
            self._story.retry(error, number, decision.pause_s)
            await self._tools.clock.sleep(decision.pause_s)
            return None
        self._story.retry(error, number, None)
        wait_s = self._tools.settings.engine_wait_s
        await self._tools.engine.wait_until_ready(wait_s, self._story.waiting)
        return None

    async def _verify(self, before: ImageInfo | None, outcome: PullOutcome) -> JobResult:
        """Ask the engine for what it fetched: its word is not enough."""
        image = await self._tools.engine.inspect_image(self._reference)
        if image is None or not image.id:
            raise PullFailed(
                f"cannot use {self._reference}: the engine said that it fetched the image, "
                "but has none under this name",
                hint="look into the engine's own log",
            )
        warning = await self._verify_platform(image)
        digest = self._digest(image, outcome.digest)
        if before is not None and before.id == image.id:
            self._story.present(image, "the registry has no newer one")
            return JobResult(image, digest, pulled=False, warning=warning)
        self._story.pulled(image, outcome, self._fetching_s)
        return JobResult(image, digest, pulled=True, warning=warning)

    async def _verify_platform(self, image: ImageInfo) -> str | None:
        """A warning for an image that needs emulation; PlatformMismatch for a wrong one."""
        wanted = Platform(image.os, image.architecture)
        match, engine = await self._tools.match(wanted)
        if match is Match.WRONG:
            raise PlatformMismatch(
                f"cannot use {self._reference}: the image is for {wanted}, "
                f"the engine runs {engine}"
            )
        if match is Match.FITS:
            return None
        warning = f"{self._reference} is for {wanted} and runs on {engine} by emulation only"
        self._story.warned(warning)
        return warning

    def _digest(self, image: ImageInfo, told: str | None) -> str | None:
        """The manifest's digest: as asked for, as told, or as the engine has it on record."""
        if self._reference.digest is not None or told is not None:
            return self._reference.digest or told
        names = (self._reference.familiar_name, self._reference.name)
        for entry in image.repo_digests:
            name, _, digest = entry.partition("@")
            if name in names:
                return digest
        return None
