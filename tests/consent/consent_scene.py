"""A question to components in a time that the test moves on by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from greendock.deployment.configuration_checks import ConfigurationChecks
from greendock.deployment.occasion import Occasion
from greendock.deployment.record import ComponentWaiting
from greendock.deployment.update_notices import UpdateNotices

EPOCH = 1_700_000_000.0


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self._passed_s = 0.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def now(self) -> float:
        return EPOCH + self._passed_s

    def monotonic(self) -> float:
        return self._passed_s

    async def sleep(self, seconds: float) -> None:
        sleeper = (self._passed_s + seconds, asyncio.Event())
        self._sleepers.append(sleeper)
        try:
            await sleeper[1].wait()
        finally:
            self._sleepers.remove(sleeper)

    async def move(self, seconds: float) -> None:
        """Time passes, and whoever waited for it gets to act."""
        self._passed_s += seconds
        for at_s, awake in self._sleepers:
            if at_s <= self._passed_s + 1e-9:
                awake.set()
        await settled()


async def settled() -> None:
    """Everything that can go on without time or news has done so."""
    for _ in range(50):
        await asyncio.sleep(0)


@dataclass
class Scene:
    """Both kinds of questions, and what was told while they were asked."""

    clock: HandClock = field(default_factory=HandClock)
    waits: list[list[ComponentWaiting]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.updates = UpdateNotices(self.clock)
        self.checks = ConfigurationChecks(self.clock)

    def occasion(self, deployment_id: str = "d1", timeout_s: float = 60) -> Occasion:
        return Occasion(deployment_id, timeout_s, self._tell, self.warnings.append)

    def _tell(self, waits: Sequence[ComponentWaiting]) -> None:
        self.waits.append(list(waits))

    async def begin(self, question: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Ask, and return as soon as the question waits."""
        task = asyncio.create_task(question)
        await settled()
        return task
