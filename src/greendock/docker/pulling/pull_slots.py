"""The device-wide limit on pulls that run at one time.

The limit is read anew whenever a place is wanted or given back, so a changed configuration counts
at once. First come, first served. Called by image jobs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class PullSlots:
    """Places for pulls; `limit` gives how many there are (at least one)."""

    def __init__(self, limit: Callable[[], int]) -> None:
        self._limit = limit
        self._taken = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place for the length of the block."""
        await self._take()
        try:
            yield
        finally:
            self._give_back()

    async def _take(self) -> None:
        if not self._queue and self._taken < max(1, self._limit()):
            self._taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back()
            elif turn in self._queue:
                self._queue.remove(turn)
            raise

    def _give_back(self) -> None:
        self._taken -= 1
        while self._queue and self._taken < max(1, self._limit()):
            turn = self._queue.popleft()
            if not turn.done():  # its task was cancelled and did not run since
                self._taken += 1
                turn.set_result(None)
