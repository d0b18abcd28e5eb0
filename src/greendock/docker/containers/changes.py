"""Waits until something is so, looked at whenever somebody says that something changed.

Decides nothing. Called by the watch of containers and by their keeper.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Changes:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Something changed."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Returns when `condition` holds; False: not within `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    await self._next()
        except TimeoutError:
            return condition()
        return True

    async def _next(self) -> None:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)
