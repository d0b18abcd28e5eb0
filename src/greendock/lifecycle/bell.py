"""How a component's task waits: for a ring, for futures, for time, whichever comes first.

Knows nothing of components. Waits never take anything away from the futures they watch.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from greendock.base.clock import Clock


class Bell:
    """One task waits, everybody may ring. A ring before the wait ends it at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, *futures: asyncio.Future[Any], at_most_s: float | None = None) -> None:
        """Until a ring, the end of one of `futures`, or `at_most_s`."""
        async with self.timer(at_most_s) as timer:
            watched = (*futures, timer)
            for future in watched:
                future.add_done_callback(self._ring_by)
            try:
                await self._rung.wait()
            finally:
                self._rung.clear()
                for future in watched:
                    future.remove_done_callback(self._ring_by)

    @asynccontextmanager
    async def timer(self, limit_s: float | None) -> AsyncIterator[asyncio.Future[None]]:
        """A future that is done after `limit_s`; without a limit it never is."""
        timer: asyncio.Future[None]
        if limit_s is None:
            timer = asyncio.get_running_loop().create_future()
        else:
            timer = asyncio.ensure_future(self._clock.sleep(limit_s))
        try:
            yield timer
        finally:
            timer.cancel()

    def _ring_by(self, _: asyncio.Future[Any]) -> None:
        self._rung.set()


class Belfry:
    """Many wait for the same news, each for a condition of its own."""

    def __init__(self) -> None:
        self._bells: set[Bell] = set()

    def ring(self) -> None:
        for bell in self._bells:
            bell.ring()

    async def until(
        self,
        clock: Clock,
        done: Callable[[], bool],
        again_s: Callable[[], float | None] = lambda: None,
    ) -> None:
        """Wait until `done`, which is looked at after each ring, and `again_s` after a look."""
        bell = Bell(clock)
        self._bells.add(bell)
        try:
            while not done():
                await bell.wait(at_most_s=again_s())
        finally:
            self._bells.discard(bell)
