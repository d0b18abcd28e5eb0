"""Stops and removes every container of a generation, and its networks, until none is left.

Holds no policy: who calls says which generations are over. Each container gets its own grace, all
at the same time. Can be repeated at any point, and by another core after a crash. Named volumes
stay. Called by the keeper of containers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from greendock.base.clock import Clock
from greendock.base.crash_points import crash_point
from greendock.docker.containers.found import grace_s, owned
from greendock.docker.containers.labels import CORE, GENERATION, read_owner
from greendock.docker.engine.container_detail import ContainerDetail
from greendock.docker.engine.labelled import Labelled
from greendock.docker.errors import ContainerFailed

_MARGIN_S = 15.0
_ROUNDS = 30
_GENTLE_ROUNDS = 3
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0


class Removal:
    """On one engine, of one core."""

    def __init__(self, labelled: Labelled, core: str, clock: Clock) -> None:
        self._labelled = labelled
        self._core = core
        self._clock = clock

    async def remove(self, generations: frozenset[str], *, has_grace: bool) -> frozenset[str]:
        """Returns the ids of the containers that are gone. Raises DockerError, and
        ContainerFailed when something can't be removed; the rest is removed then.

        Looks again until nothing is left: a request that is under way may still create one.
        """
        gone: set[str] = set()
        trouble: ContainerFailed | None = None
        pause_s = _FIRST_PAUSE_S
        for number in range(_ROUNDS):
            own = await self._find(generations)
            if not own:
                await self._remove_networks(generations)
                crash_point("containers.removed")
                return frozenset(gone)
            if number:
                await self._clock.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            trouble = await self._end(own, has_grace=has_grace and number < _GENTLE_ROUNDS)
            gone.update(one.id for one in own)
        last = own[0]
        raise trouble or ContainerFailed(
            f"cannot remove container {last.name}: it is {last.state}, or others come each time",
            hint="`docker rm --force` it, and restart the engine if that doesn't help",
        )

    async def _find(self, generations: frozenset[str]) -> list[ContainerDetail]:
        labels = {CORE: self._core}
        if len(generations) == 1:
            labels[GENERATION] = next(iter(generations))
        found = await self._labelled.containers(labels)
        ours = ((one, owned(one, self._core)) for one in found)
        return [
            one for one, own in ours if own is not None and own.owner.generation in generations
        ]

    async def _end(self, own: list[ContainerDetail], *, has_grace: bool) -> ContainerFailed | None:
        """Returns what failed, for some of them."""
        if has_grace:
            await _all(self._stop(one) for one in own)
        crash_point("containers.stopped")
        return await _all(self._labelled.remove(one.id) for one in own)

    async def _stop(self, container: ContainerDetail) -> None:
        if container.state == "paused":
            # One that stands still hears no signal, and old engines refuse to send it one.
            await self._labelled.unpause(container.id)
        elif container.state not in ("running", "restarting"):
            return
        if not await self._labelled.stop(container.id, grace_s(container) + _MARGIN_S):
            await self._labelled.kill(container.id)

    async def _remove_networks(self, generations: frozenset[str]) -> None:
        networks = await self._labelled.networks({CORE: self._core})
        stale = []
        for network in networks:
            owner = read_owner(network.labels)
            if owner is not None and owner.generation in generations:
                stale.append(network)
        trouble = await _all(self._labelled.remove_network(one) for one in stale)
        if trouble is not None:
            raise trouble


async def _all(work: Iterable[Coroutine[Any, Any, None]]) -> ContainerFailed | None:
    """Do all of it; returns what the engine refused, raises what kept it from being asked."""
    results = await asyncio.gather(*work, return_exceptions=True)
    trouble: ContainerFailed | None = None
    for result in results:
        if isinstance(result, ContainerFailed):
            trouble = trouble or result
        elif isinstance(result, BaseException):
            raise result
    return trouble
