"""A script's time, which can be held: what a component doesn't run, its timeout doesn't count.

Knows nothing of scripts. Used with `with`, by the task of a component.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from greendock.base.clock import Clock


class Countdown:
    """`over` is done after `limit_s` of time that was not held; never without a limit."""

    def __init__(self, clock: Clock, limit_s: float | None) -> None:
        self._clock = clock
        self.limit_s = limit_s
        self._before_s = 0.0
        self._since: float | None = None
        self._sleep: asyncio.Task[None] | None = None
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def __enter__(self) -> Self:
        self.go_on()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hold()
        self.over.cancel()

    @property
    def ran_s(self) -> float:
        """How long it was not held."""
        running_s = 0.0 if self._since is None else self._clock.monotonic() - self._since
        return self._before_s + running_s

    def hold(self) -> None:
        """Stop counting."""
        self._before_s, self._since = self.ran_s, None
        if self._sleep is not None:
            self._sleep.cancel()
            self._sleep = None

    def go_on(self) -> None:
        """Count on."""
        if self._since is not None:
            return
        self._since = self._clock.monotonic()
        if self.limit_s is not None and not self.over.done():
            self._sleep = asyncio.create_task(self._wait(self.limit_s - self._before_s))

    async def _wait(self, left_s: float) -> None:
        await self._clock.sleep(max(left_s, 0.0))
        if not self.over.done():
            self.over.set_result(None)
