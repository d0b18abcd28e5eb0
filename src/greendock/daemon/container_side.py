"""All that looks after the containers of this core's components, built once and wired together.

Decides nothing. What needs the engine is built at its first use. Used by core.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from greendock.base.clock import Clock
from greendock.base.database import Database
from greendock.base.events import Bus
from greendock.base.logs import ComponentLogs
from greendock.base.paths import Paths
from greendock.daemon.component_containers import ComponentContainers
from greendock.daemon.component_stats import ComponentStatistics, StatsSources
from greendock.daemon.container_views import ComponentContainerViews
from greendock.daemon.context import CoreContext
from greendock.daemon.core_settings import CoreSettings
from greendock.daemon.docker_sockets import DockerSockets, SocketParts
from greendock.daemon.docker_work import DockerWork
from greendock.daemon.owned_containers import ContainerOwnership, OwnershipParts
from greendock.daemon.unowned_watch import UnownedWatch
from greendock.docker.containers.core_identity import core_identity
from greendock.docker.containers.generation_record import GenerationRecord
from greendock.docker.containers.keeper import ContainerKeeper, KeeperParts
from greendock.docker.containers.model import GenerationState
from greendock.docker.containers.paused_record import PausedRecord
from greendock.docker.gateway.socket_place import remove_stale
from greendock.docker.keeping.ledger import ImageLedger
from greendock.lifecycle.model import ComponentStateChanged, ResourceLimits, State
from greendock.lifecycle.supervisor import Supervisor, own_id

if TYPE_CHECKING:
    from greendock.daemon.container_limits import ComponentLimits
    from greendock.docker.containers.limit_updates import ContainerLimits
    from greendock.docker.containers.room import Room


@dataclass(frozen=True, slots=True)
class SideParts:
    """What it is built from. `deployment_id`: of the present or the latest deployment."""

    paths: Paths
    settings: CoreSettings
    docker: DockerWork
    ledger: ImageLedger
    database: Database
    logs: ComponentLogs
    bus: Bus
    clock: Clock
    context: CoreContext
    deployment_id: Callable[[], str]


class ContainerSide:
    """One per core. Raises DeviceError when the core can't have an id."""

    def __init__(self, parts: SideParts) -> None:
        self._parts = parts
        self._supervisor: Supervisor | None = None
        own_id_file = parts.paths.config / "device-id"
        self.core = core_identity(parts.paths.root, own_id_file)
        self.ownership = self._open_ownership()
        paused = PausedRecord(parts.database)
        self.pauses = ComponentContainers(
            parts.docker, parts.ledger, paused, parts.clock, self._names, self.core
        )
        self._unowned = UnownedWatch(
            self.core, self.ownership, parts.docker, self.pauses.footprints, parts.clock
        )
        self.views = ComponentContainerViews(
            self.ownership, lambda: self._limits, self._unowned.of
        )
        self.stats = self._open_stats()
        parts.bus.listen(self._forget, ComponentStateChanged)

    def _open_ownership(self) -> ContainerOwnership:
        parts = self._parts
        keeper = ContainerKeeper(
            KeeperParts(
                core=self.core,
                engine=lambda: parts.docker.engine,
                record=GenerationRecord(parts.database),
                journal=parts.docker.journal,
                clock=parts.clock,
                engine_wait_s=lambda: parts.settings.engine_wait_s,
            )
        )
        return ContainerOwnership(
            OwnershipParts(
                core=self.core,
                paths=parts.paths,
                docker=parts.docker,
                keeper=keeper,
                logs=parts.logs,
                clock=parts.clock,
                deployment_id=parts.deployment_id,
                sockets=lambda: self._sockets,
                limits=lambda: self._limits,
            )
        )

    def _open_stats(self) -> ComponentStatistics:
        return ComponentStatistics(
            StatsSources(
                own_id(self._parts.paths.root),
                lambda: self._supervisor.groups if self._supervisor else None,
                self._limits_of,
                self._state_of,
                self._meter,
            )
        )

    def use(self, supervisor: Supervisor) -> None:
        """Given once, before anything runs."""
        self._supervisor = supervisor

    def clear(self) -> None:
        """At the core's start, before a socket is made: those of an earlier life lead nowhere."""
        remove_stale(self._parts.paths.run, ())

    def start(self) -> None:
        self._unowned.start()

    async def stop(self) -> None:
        """The core ends, its components have."""
        await self._unowned.stop()
        await self.pauses.stop()
        await self.ownership.stop()

    # -- docker.containers.room.GiveWay

    def leaving(self) -> Collection[str]:
        return self._running().leaving()

    async def give_way(self, component: str) -> bool:
        return await self._running().give_way(component)

    # -- parts

    def _running(self) -> Supervisor:
        if self._supervisor is None:
            raise RuntimeError("nothing runs yet")
        return self._supervisor

    def _names(self) -> list[str]:
        return list(self._running().names)

    @cached_property
    def _sockets(self) -> DockerSockets:
        parts = self._parts
        return DockerSockets(
            SocketParts(
                paths=parts.paths,
                settings=parts.settings,
                docker=parts.docker,
                ledger=parts.ledger,
                room=lambda: self._room,
                limits=lambda: self._limits,
                ready=self.ownership.ready,
                environment=parts.context.environment,
            )
        )

    @cached_property
    def _room(self) -> Room:
        from greendock.docker.containers.room import Room, RoomParts

        docker = self._parts.docker
        return Room(RoomParts(self.core, docker.engine, docker.journal, self._parts.clock), self)

    @cached_property
    def _limits(self) -> ComponentLimits:
        from greendock.daemon.container_limits import ComponentLimits

        groups = self._running().groups
        if groups is None:
            raise RuntimeError("the supervisor is not started")
        return ComponentLimits(
            own_id(self._parts.paths.root),
            groups,
            lambda: self._parts.docker.engine,
            self._parts.clock,
            self.ownership.running,
        )

    def _meter(self) -> ContainerLimits:
        from greendock.docker.containers.limit_updates import ContainerLimits

        return ContainerLimits(self._parts.docker.engine)

    def _limits_of(self, component: str) -> ResourceLimits | None:
        found = self.ownership.of_component(component)
        return found[1].limits if found else None

    def _state_of(self, component: str) -> GenerationState | None:
        found = self.ownership.of_component(component)
        return self.ownership.state(found[0]) if found else None

    def _forget(self, change: ComponentStateChanged) -> None:
        if change.new is State.UNINSTALLED:
            self.ownership.discard(change.component)
