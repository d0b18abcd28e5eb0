"""Looks now and then for containers that components started past their Docker sockets.

Only while a component runs whose scripts name a way around; what is found is told in the log, and
shown with the component. Asks the engine, changes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from greendock.base.clock import Clock
from greendock.base.errors import GreendockError
from greendock.daemon.docker_access import ways_around
from greendock.daemon.docker_work import DockerWork
from greendock.daemon.owned_containers import ContainerOwnership
from greendock.docker.containers.ownership import Footprint, Seeker

if TYPE_CHECKING:
    from greendock.docker.containers.unowned import UnownedContainers
    from greendock.docker.containers.view import UnownedContainer

_log = logging.getLogger("greendock")
EVERY_S = 30.0


class UnownedWatch:
    """`start` it with the core, `stop` it at the end. `core`: the id that labels carry;
    `footprints`: what each component leaves on the engine."""

    def __init__(
        self,
        core: str,
        ownership: ContainerOwnership,
        docker: DockerWork,
        footprints: Callable[[], Mapping[str, Footprint]],
        clock: Clock,
    ) -> None:
        self._core = core
        self._ownership = ownership
        self._docker = docker
        self._footprints = footprints
        self._clock = clock
        self._found: UnownedContainers | None = None
        self._task: asyncio.Task[None] | None = None

    def of(self, component: str) -> tuple[UnownedContainer, ...]:
        """As far as is known; costs nothing."""
        return () if self._found is None else self._found.of(component)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="unowned containers")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=10)

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(EVERY_S)
            try:
                await self._look()
            except GreendockError as error:
                _log.debug("unowned containers could not be looked for: %s", error.explain())
            except Exception:
                _log.exception("the look for unowned containers failed")

    async def _look(self) -> None:
        seekers = [
            Seeker(
                opened.component,
                hashlib.sha256(opened.life.token.encode()).digest(),
                opened.began_at_s,
                self._core,
                life_id,
            )
            for life_id, opened in self._ownership.lives.items()
            if ways_around(opened.life.spec.steps)
        ]
        if not seekers:
            return
        if self._found is None:
            from greendock.docker.containers.unowned import UnownedContainers

            self._found = UnownedContainers(self._docker.containers(), self._docker.journal)
        await self._found.look(seekers, self._footprints())
