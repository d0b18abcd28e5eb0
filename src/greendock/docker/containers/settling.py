"""Notes of a generation that all its containers are up, once they have been so for a while.

A Compose file's services come up one after the other; only a generation that was complete can be
taken over by a later core, and only as long as none of these containers is missing. Called by the
keeper whenever a state may have changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from greendock.base.clock import Clock
from greendock.docker.containers.generation import Kind
from greendock.docker.containers.generation_record import GenerationRecord
from greendock.docker.containers.model import (
    GenerationState,
    Health,
    OwnedContainer,
    Phase,
)

SETTLE_S = 5.0


class Settling:
    """For all generations of a core."""

    def __init__(
        self, record: GenerationRecord, clock: Clock, state: Callable[[str], GenerationState]
    ) -> None:
        self._record = record
        self._clock = clock
        self._state = state
        self._waiting: dict[str, tuple[frozenset[str], asyncio.Task[None]]] = {}

    def look(self, generation: str) -> None:
        """Its state, or what is known of its kind, may be another."""
        members = self._members(generation)
        waiting = self._waiting.get(generation)
        if waiting is not None and waiting[0] == members:
            return
        self.forget(generation)
        if members:
            task = asyncio.create_task(self._settle(generation, members), name="settle containers")
            self._waiting[generation] = (members, task)

    def forget(self, generation: str) -> None:
        waiting = self._waiting.pop(generation, None)
        if waiting is not None:
            waiting[1].cancel()

    async def stop(self) -> None:
        tasks = [task for _, task in self._waiting.values()]
        for generation in tuple(self._waiting):
            self.forget(generation)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _members(self, generation: str) -> frozenset[str]:
        """The containers to note; empty when there is nothing (new) to note."""
        entry = self._record.get(generation)
        if entry is None or entry.kind is Kind.OTHER or entry.is_ending:
            return frozenset()
        state = self._state(generation)
        if not state.is_known or state.failures or not all(map(_is_up, state.containers)):
            return frozenset()
        alive = frozenset(one.id for one in state.alive)
        return frozenset() if alive == entry.members else alive

    async def _settle(self, generation: str, members: frozenset[str]) -> None:
        await self._clock.sleep(SETTLE_S)
        self._waiting.pop(generation, None)
        self._record.settle(generation, members)


def _is_up(container: OwnedContainer) -> bool:
    """Or has done its work. One whose health isn't known yet may keep others from starting."""
    if container.is_alive:
        return container.health in (Health.NONE, Health.HEALTHY)
    return container.phase is Phase.EXITED and container.exit_code == 0
