"""Time as a port: wall clock, monotonic clock and sleeping, so that tests can own all three."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the core asks of time."""

    def now(self) -> float:
        """Seconds since the epoch, for time stamps people see. May jump."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps, for waits and ages."""

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellable."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
