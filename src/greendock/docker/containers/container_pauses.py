"""Pauses the containers of a component at the engine, and resumes exactly those.

Holds no policy: ownership.py says which. What somebody else paused stays paused. Called by the
core when a component is paused, and at its start for what an earlier life left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any

from greendock.docker.containers.ownership import Footprint, Seeker, find_own
from greendock.docker.containers.paused_record import PausedContainer, PausedRecord
from greendock.docker.engine.container_model import ContainerInfo
from greendock.docker.engine.containers import ContainerStore
from greendock.docker.errors import ContainerFailed
from greendock.docker.ports import Journal

_ROUNDS = 10


class ContainerPauses:
    """On one engine."""

    def __init__(self, store: ContainerStore, record: PausedRecord, journal: Journal) -> None:
        self._store = store
        self._record = record
        self._journal = journal

    async def pause(self, seeker: Seeker, known: Mapping[str, Footprint]) -> None:
        """Pause all that run. Raises DockerError; some may be paused then, and are recorded.

        Looks again until nothing is new: a start that was asked for before may still be done.
        """
        told: set[str] = set()
        for _ in range(_ROUNDS):
            found = find_own(seeker, known, await self._store.running())
            for container, why in found.doubtful:
                if container.id not in told:
                    told.add(container.id)
                    self._leave_out(seeker, container, why)
            running = [container.id for container in found.own if not container.is_paused]
            if not running:
                return
            self._record.add(seeker.component, running)
            await _all(self._store.pause(container_id) for container_id in running)
        raise ContainerFailed(
            f"cannot pause all containers of {seeker.component}: there are new ones each time",
            hint="something outside the component starts containers for it; stop that first",
        )

    async def resume(self, entries: Iterable[PausedContainer]) -> None:
        """Resume those that we paused. Raises DockerError; those that failed stay recorded."""
        await _all(self._resume(entry) for entry in entries)

    async def _resume(self, entry: PausedContainer) -> None:
        await self._store.unpause(entry.container_id)
        self._record.remove(entry)

    def _leave_out(self, seeker: Seeker, container: ContainerInfo, why: str) -> None:
        name = ", ".join(container.names) or container.id[:12]
        self._journal.write(
            "WARN",
            "docker-container-not-paused",
            f"container {name} runs on while {seeker.component} is paused: {why}",
        )


async def _all(work: Iterable[Coroutine[Any, Any, object]]) -> None:
    """Do all of it, whatever fails; then raise what failed first."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
