"""Tries one step of a download until it works, can't work, or its time is over.

Carries out the pauses that `download_retry` decides on, and tells of them.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from greendock.artifacts.download_retry import DownloadLimits, FailedTry, pause_after
from greendock.artifacts.ports import NetworkPause, ObjectStore
from greendock.base.clock import Clock
from greendock.base.errors import GreendockError, Retry

_R = TypeVar("_R")
_log = logging.getLogger("greendock.artifacts")


@dataclass(frozen=True, slots=True)
class DownloadTools:
    """What all downloads share. `network`: where the news of the network come from."""

    store: ObjectStore
    network: Callable[[], NetworkPause]
    clock: Clock
    limits: DownloadLimits


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause before the next attempt; `next_try_at` in seconds since the epoch."""

    attempt: int
    next_try_at: float
    last_error: str


class Attempts:
    """The attempts for one thing; `told` hears of each pause."""

    def __init__(self, tools: DownloadTools, what: str, told: Callable[[Wait], None]) -> None:
        self._tools = tools
        self._what = what
        self._told = told
        self._failures = 0
        self.number = 0

    def progressed(self) -> None:
        """Something came: failures before this one no longer count."""
        self._failures = 0

    async def run(self, step: Callable[[], Awaitable[_R]]) -> _R:
        """The result of `step`. Raises its last GreendockError."""
        began = self._tools.clock.monotonic()
        while True:
            self.number += 1
            try:
                return await step()
            except GreendockError as error:
                self._failures += 1
                await self._after(error, self._tools.clock.monotonic() - began)

    async def _after(self, error: GreendockError, spent_s: float) -> None:
        limits = self._tools.limits
        failed = FailedTry(error, self._failures, limits.deadline_s - spent_s)
        chance = random.random()  # noqa: S311 - spreads load, guards no secret
        pause_s = pause_after(failed, limits, chance)
        if pause_s is None:
            if self.number > 1:
                error.add(f"given up after {self.number} attempts in {spent_s:.0f} s")
            raise error
        _log.warning(
            "%s: attempt %d failed, next in %.1f s: %s",
            self._what,
            self.number,
            pause_s,
            error.message,
        )
        next_try_at = self._tools.clock.now() + pause_s
        self._told(Wait(self.number, next_try_at, error.message))
        if error.retry is Retry.WHEN_ONLINE:
            await self._tools.network().pause(pause_s)
        else:
            await self._tools.clock.sleep(pause_s)
