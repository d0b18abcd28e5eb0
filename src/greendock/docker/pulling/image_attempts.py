"""Tries one step for one image until it works, can't work, or its time is over.

Carries out what `pull_policy` decides: pauses, waits for the engine or the network, falls back.
All steps of an image share one time limit. Called by the image's look and fetch.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from greendock.base.clock import Clock
from greendock.base.errors import Retry
from greendock.docker.credentials.registry_credentials import Login, RegistryCredentials
from greendock.docker.engine.client import Engine
from greendock.docker.engine.model import RegistryAuth
from greendock.docker.errors import (
    DockerError,
    PullStalled,
    RegistryLoginFailed,
    RegistryUnreachable,
)
from greendock.docker.ports import ImageSettings
from greendock.docker.pull_policy import (
    Action,
    Decision,
    FailedAttempt,
    RetryLimits,
    decide_after_failure,
)
from greendock.docker.pulling.image_story import ImageStory

_R = TypeVar("_R")


class NetworkPause(Protocol):
    """Waiting that the return of the network cuts short."""

    async def pause(self, seconds: float) -> bool:
        """Whether the network changed meanwhile."""


@dataclass(frozen=True, slots=True)
class AttemptTools:
    """What the attempts of all images share."""

    engine: Engine
    settings: ImageSettings
    credentials: RegistryCredentials
    clock: Clock
    network: NetworkPause
    limits: RetryLimits


class FallBack(Exception):  # noqa: N818 - no error: the local image will do
    """The image of the device stands in for what can't be fetched; the text is the warning."""


class Attempts:
    """The attempts for one image. `local_may_stand_in` as in `pull_policy`."""

    def __init__(
        self, tools: AttemptTools, story: ImageStory, *, local_may_stand_in: bool
    ) -> None:
        self._tools = tools
        self._story = story
        self._local_may_stand_in = local_may_stand_in
        self._spent_s = 0.0
        self._number = 0
        self._previous: DockerError | None = None
        self._login: Login | None = None
        self._login_since = 0.0
        self._renewed = False

    @property
    def left_s(self) -> float:
        """What is left of `docker.pullDeadlineSeconds` for this image."""
        return max(self._tools.settings.pull_deadline_s - self._spent_s, 0.0)

    @property
    def spent_s(self) -> float:
        return self._spent_s

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Time in this block counts towards the limit."""
        began = self._tools.clock.monotonic()
        try:
            yield
        finally:
            self._spent_s += self._tools.clock.monotonic() - began

    @property
    def auth(self) -> RegistryAuth | None:
        """What the last attempt logged in with."""
        return self._login.auth if self._login else None

    def use(self, login: Login | None) -> None:
        """The login of this attempt, to be forgotten when the registry refuses it."""
        self._login = login
        self._login_since = self._tools.clock.now()

    async def run(self, step: Callable[[int], Awaitable[_R]]) -> _R:
        """The result of `step`, which gets the attempt's number. Raises DockerError, FallBack."""
        self._number = 0
        self._previous = None
        while True:
            self._number += 1
            try:
                result = await step(self._number)
            except DockerError as error:
                await self._after(error)
            else:
                self._renewed = False
                return result

    async def _after(self, error: DockerError) -> None:
        decision = self._decide(error)
        if decision.action is Action.GIVE_UP:
            raise self._last(error, decision.pause_s)
        self._previous = error
        if decision.action is Action.FALL_BACK:
            raise FallBack(
                f"using the image of this device, which may be older: {error.message}"
            ) from error
        if decision.action is Action.RETRY_WITH_ENGINE:
            self._story.retry(error, self._number, None)
            wait_s = self._tools.settings.engine_wait_s
            with self.counted():
                await self._tools.engine.wait_until_ready(wait_s, self._story.waiting)
                # An engine that answers, but can't do its work, is not asked without a pause.
                await self._tools.clock.sleep(decision.pause_s)
            return
        self._story.retry(error, self._number, decision.pause_s)
        with self.counted():
            if isinstance(error, RegistryUnreachable):
                await self._tools.network.pause(decision.pause_s)
            else:
                await self._tools.clock.sleep(decision.pause_s)

    def _last(self, error: DockerError, pause_s: float) -> DockerError:
        """`error` with how long it was tried, where trying again could have helped.

        When the time is over in the middle of an attempt, the error before tells more.
        """
        if isinstance(error, PullStalled) and error.retry is Retry.NEVER and self._previous:
            error = self._previous
        if error.retry is not Retry.NEVER and self._number > 1:
            error.add(f"given up after {self._number} attempts in {self._spent_s:.0f} s")
        if isinstance(error, RegistryLoginFailed):
            source = self._login.source if self._login else None
            error.add(f"the login came from: {source}" if source else "no login was sent")
        if pause_s and (error.retry_after_s or 0.0) >= pause_s:
            error.add(
                f"the registry wants to be asked in {pause_s:.0f} s again, which is longer than "
                "docker.pullDeadlineSeconds leaves"
            )
        return error

    def _decide(self, error: DockerError) -> Decision:
        failed = FailedAttempt(
            self._number,
            error,
            self._local_may_stand_in,
            self.left_s,
            self._wants_new_login(error),
        )
        chance = random.random()  # noqa: S311 - spreads load, guards no secret
        return decide_after_failure(failed, self._tools.limits, chance)

    def _wants_new_login(self, error: DockerError) -> bool:
        """Whether a fresh login may help; one that is refused too is the registry's last word,
        unless its time ran out in the middle of the attempt."""
        if not isinstance(error, RegistryLoginFailed) or self._login is None:
            return False
        if self._renewed and not self._ran_out(self._login):
            return False
        self._renewed = self._tools.credentials.reject(self._login)
        return self._renewed

    def _ran_out(self, login: Login) -> bool:
        """Whether the login ended between the start of this attempt and now. One that was over
        from the start says that a clock is wrong: a new one would be over too."""
        ends = login.expires_at
        return ends is not None and self._login_since < ends <= self._tools.clock.now()
