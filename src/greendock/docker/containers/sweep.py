"""Removes, in the background, what is left of generations that are over.

Holds no policy: the keeper says which. What the engine refuses is told and left to the next round;
an engine that is away ends the round, and its return begins another one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from greendock.base.clock import Clock
from greendock.docker.containers.removal import Removal
from greendock.docker.errors import ContainerFailed, DockerError
from greendock.docker.ports import Journal

_log = logging.getLogger("greendock")

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0


@dataclass(frozen=True, slots=True)
class SweepParts:
    """`stale`: ids of generations that are over. `seen`: what is known of one. `removed`: of this
    one nothing is left, and these containers are gone. `tried`: all has been tried. `is_there`:
    whether the engine is."""

    removal: Callable[[], Removal]
    journal: Journal
    clock: Clock
    stale: Callable[[], frozenset[str]]
    seen: Callable[[str], frozenset[str]]
    removed: Callable[[str, frozenset[str]], None]
    tried: Callable[[], None]
    is_there: Callable[[], bool]


class Sweep:
    """At most one round at a time."""

    def __init__(self, parts: SweepParts) -> None:
        self._parts = parts
        self._task: asyncio.Task[None] | None = None
        self._told: set[str] = set()

    def kick(self) -> None:
        """There may be something to do."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="sweep containers")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        refused: set[str] = set()
        pause_s = _FIRST_PAUSE_S
        while stale := sorted(self._parts.stale() - refused):
            results = await asyncio.gather(*(self._remove(one) for one in stale))
            if "unreachable" in results:
                if not self._parts.is_there():
                    return
                await self._parts.clock.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            refused.update(
                one for one, result in zip(stale, results, strict=True) if result == "refused"
            )
        self._parts.tried()

    async def _remove(self, generation: str) -> str:
        seen = self._parts.seen(generation)
        try:
            gone = await self._parts.removal().remove(frozenset({generation}), has_grace=True)
        except ContainerFailed as error:
            # Once is enough: what is stuck in the engine stays so for long.
            if generation not in self._told:
                self._told.add(generation)
                text = f"what is left of generation {generation[:12]} stays: {error.explain()}"
                self._parts.journal.write("WARN", "docker-container-not-removed", text)
            return "refused"
        except DockerError as error:
            _log.debug("generation %s is not removed yet: %s", generation[:12], error)
            return "unreachable"
        except Exception:
            _log.exception("generation %s could not be removed", generation[:12])
            return "refused"
        self._told.discard(generation)
        self._parts.removed(generation, gone | seen)
        return "removed"
