"""The containers of components, for pauses: fills `Containers` of the lifecycle.

Tells the Docker side what is known of each component; an engine that is away counts only for a
component that uses Docker. Sees to it that what an earlier life of the core paused goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from greendock.base.clock import Clock
from greendock.base.errors import GreendockError
from greendock.daemon.docker_work import DockerWork
from greendock.docker.containers.ownership import Footprint, Seeker
from greendock.docker.containers.paused_record import PausedContainer, PausedRecord
from greendock.docker.keeping.ledger import ImageLedger
from greendock.lifecycle.environment import compose_project
from greendock.lifecycle.model import ComponentSpec
from greendock.lifecycle.ports import ContainerOwner
from greendock.recipe.shell.docker_command import names_docker

if TYPE_CHECKING:
    from greendock.docker.containers.container_pauses import ContainerPauses

_log = logging.getLogger("greendock")

_QUICK_S = 5.0
_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 60.0


class ComponentContainers:
    """`names`: all components of this core. `core`: its id in the labels of containers."""

    def __init__(
        self,
        docker: DockerWork,
        ledger: ImageLedger,
        record: PausedRecord,
        clock: Clock,
        names: Callable[[], Iterable[str]],
        core: str = "",
    ) -> None:
        self._docker = docker
        self._ledger = ledger
        self._record = record
        self._clock = clock
        self._names = names
        self._core = core
        self._held: set[str] = set()
        self._released: asyncio.Task[None] | None = None

    # -- lifecycle.ports.Containers

    async def pause(self, owner: ContainerOwner) -> None:
        name = owner.spec.name
        self._held.add(name)
        seeker = self._seeker(owner)
        footprints = self.footprints()
        if self._uses_docker(owner.spec, footprints):
            await self._pauses().pause(seeker, footprints)
            return
        try:
            async with asyncio.timeout(_QUICK_S):
                await self._pauses().pause(seeker, footprints)
        except (GreendockError, TimeoutError) as error:
            if self._record.of(name):
                raise
            _log.debug("no containers of %s are looked for: %s", name, error)

    async def resume(self, component: str) -> None:
        entries = self._record.of(component)
        if entries:
            await self._pauses().resume(entries)
        self._held.discard(component)

    def release(self, component: str) -> None:
        self._held.discard(component)
        self._resume_later()

    # -- the core's start and end

    async def recover(self) -> None:
        """Resume what an earlier life of this core left paused; later, if the engine is away.

        Before its processes are ended, so that the containers hear of that. Raises nothing.
        """
        left = self._record.all()
        if not left:
            return
        components = ", ".join(sorted({entry.component for entry in left}))
        _log.warning("resuming containers that an earlier life of the core paused: %s", components)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_QUICK_S):
                await self._resume_released()
        if self._record.all():
            self._resume_later()

    async def stop(self) -> None:
        """What is left then is the next start's."""
        task, self._released = self._released, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    # -- parts

    def _resume_later(self) -> None:
        if self._released is None or self._released.done():
            self._released = asyncio.create_task(self._until_resumed(), name="resume containers")

    async def _until_resumed(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not await self._resume_released():
            # Once is enough: an engine that is gone for good would fill the log.
            if pause_s == _FIRST_PAUSE_S:
                _log.warning("containers stay paused until the Docker engine answers")
            await self._clock.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _resume_released(self) -> bool:
        """Whether nothing is left that is not of a component which is paused now."""
        try:
            entries = self._to_resume()
            if entries:
                await self._pauses().resume(entries)
        except GreendockError as error:
            _log.debug("containers stay paused for now: %s", error.explain())
        except Exception:
            _log.exception("containers could not be resumed")
        return not self._to_resume()

    def _to_resume(self) -> list[PausedContainer]:
        return [entry for entry in self._record.all() if entry.component not in self._held]

    def footprints(self) -> dict[str, Footprint]:
        """What each component leaves on the engine."""
        images: dict[str, set[str]] = {name: set() for name in self._names()}
        for use in self._ledger.uses():
            images.setdefault(use.component, set()).add(use.image_id)
        return {
            name: Footprint(compose_project(name), frozenset(ids)) for name, ids in images.items()
        }

    def _seeker(self, owner: ContainerOwner) -> Seeker:
        return Seeker(
            owner.spec.name, owner.token_digest, owner.began_at_s, self._core, owner.life_id
        )

    def _uses_docker(self, spec: ComponentSpec, footprints: dict[str, Footprint]) -> bool:
        """Whether it is likely to have containers."""
        return (
            spec.uses_docker or bool(footprints[spec.name].image_ids) or names_docker(spec.steps)
        )

    def _pauses(self) -> ContainerPauses:
        from greendock.docker.containers.container_pauses import ContainerPauses
        from greendock.docker.engine.containers import ContainerStore

        store = ContainerStore(self._docker.engine)
        return ContainerPauses(store, self._record, self._docker.journal)
