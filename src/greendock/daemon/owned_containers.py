"""The containers that components cause: fills `OwnedContainers` of the lifecycle.

Ties, for each life of a component, its Docker socket, the keeper of its containers, their limits
and their output together, in order; decides nothing. What needs the engine is built when it is
needed first. One per core.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from greendock.base.clock import Clock
from greendock.base.errors import GreendockError
from greendock.base.logs import ComponentLogs
from greendock.base.paths import Paths
from greendock.daemon.docker_work import DockerWork
from greendock.docker.containers.adoption import Deployed
from greendock.docker.containers.generation import Kind
from greendock.docker.containers.keeper import ContainerKeeper
from greendock.docker.containers.labels import Owner
from greendock.docker.containers.log_choice import ScriptOutput, output_of
from greendock.docker.containers.model import GenerationState
from greendock.docker.errors import ContainerFailed
from greendock.lifecycle.environment import search_path
from greendock.lifecycle.fingerprint import fingerprint
from greendock.lifecycle.model import ComponentSpec, ResourceLimits
from greendock.lifecycle.ports import ContainerLife, LineCount, Reclaimed
from greendock.recipe.model import Step
from greendock.recipe.shell.docker_command import names_docker

if TYPE_CHECKING:
    from greendock.daemon.container_limits import ComponentLimits
    from greendock.daemon.docker_sockets import DockerSockets
    from greendock.docker.containers.container_output import ContainerOutput
    from greendock.docker.gateway.gateway import Gateway

_log = logging.getLogger("greendock")
_DISCARD_S = 10.0


@dataclass(slots=True)
class OpenLife:
    """A life of a component from `open` to `close`. `gateway` leads nowhere but to a refusal
    unless `has_socket`."""

    life: ContainerLife = field(repr=False)
    gateway: Gateway
    has_socket: bool
    is_adopted: bool
    script: ScriptOutput
    began_at_s: float
    kind: Kind = Kind.OTHER
    limits: ResourceLimits | None = None
    listeners: list[Callable[[], None]] = field(default_factory=list)

    @property
    def component(self) -> str:
        return self.life.spec.name


@dataclass(frozen=True, slots=True)
class OwnershipParts:
    """`core`: the id that labels carry. `deployment_id`: of the present or the latest one.
    `sockets`, `limits`: called when they are first needed."""

    core: str
    paths: Paths
    docker: DockerWork
    keeper: ContainerKeeper
    logs: ComponentLogs
    clock: Clock
    deployment_id: Callable[[], str]
    sockets: Callable[[], DockerSockets]
    limits: Callable[[], ComponentLimits]


class ContainerOwnership:
    """Everything but `open` and `look` raises nothing."""

    def __init__(self, parts: OwnershipParts) -> None:
        self._parts = parts
        self._keeper = parts.keeper
        self._lives: dict[str, OpenLife] = {}
        self._reclaimed: set[str] = set()
        self._learned_after: int | None = None
        self._learning = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    # -- the core

    def begin(self, deployed: Mapping[str, ComponentSpec]) -> None:
        """At the core's start, once nothing of an earlier life runs any more but containers."""
        noted = self._keeper.begin(
            {name: Deployed(spec.version, fingerprint(spec)) for name, spec in deployed.items()}
        )
        folder = self._parts.paths.log_positions
        try:
            if any(folder.iterdir()):
                from greendock.docker.containers.log_checkpoint import remove_old

                remove_old(folder, noted)
        except OSError as error:
            _log.warning("notes on logs that are over stay in %s: %s", folder, error)

    def discard(self, component: str) -> None:
        """The component is gone, perhaps without having been started."""
        task = asyncio.create_task(self._keeper.discard(component), name=f"discard {component}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """The core ends, its components have."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_DISCARD_S)
        await asyncio.gather(*(life.gateway.close() for life in self._lives.values()))
        self._lives.clear()
        if "_output" in self.__dict__:
            await self._output.stop()
        await self._keeper.stop()
        if "_limits" in self.__dict__:
            await self._limits.stop()

    # -- the sockets

    async def ready(self, generation: str) -> None:
        """Returns when a request of this life may pass. Raises DockerError."""
        await self._keeper.admit(generation)
        if self._learned_after == self._keeper.losses:
            return
        async with self._learning:
            # After each loss another engine may stand there.
            losses = self._keeper.losses
            if self._learned_after != losses:
                await self._limits.learn()
                self._learned_after = losses

    # -- what people see

    def of_component(self, component: str) -> tuple[str, OpenLife] | None:
        """Its present life."""
        for life_id, life in self._lives.items():
            if life.component == component:
                return life_id, life
        return None

    @property
    def lives(self) -> Mapping[str, OpenLife]:
        """By id."""
        return self._lives

    def running(self, component: str) -> Collection[str]:
        """The ids of its containers, of those too that are about to start."""
        found = self.of_component(component)
        return [one.id for one in self.state(found[0]).containers] if found else ()

    # -- lifecycle.ports.OwnedContainers

    async def reclaim(self, spec: ComponentSpec) -> Reclaimed | None:
        generation = await self._keeper.reclaim(spec.name, fingerprint(spec))
        if generation is None:
            return None
        self._reclaimed.add(generation)
        return Reclaimed(generation)

    async def open(self, life: ContainerLife) -> Mapping[str, str]:
        sockets, spec = self._parts.sockets(), life.spec
        admission = sockets.admission(life)
        if life.id in self._reclaimed and not admission.has_socket:
            raise ContainerFailed(f"cannot take containers over: {admission.refusal}")
        owner = Owner(
            self._parts.core, spec.name, spec.version, life.id, self._parts.deployment_id()
        )
        if admission.has_socket:
            self._keeper.open(owner, fingerprint(spec))
        try:
            gateway = await sockets.open(life, owner, admission)
            opened = self._begun(life, gateway, has_socket=admission.has_socket)
            return await self._variables(opened)
        except Exception:
            # An adopted life has containers: they go with it, since nobody has them now.
            await self.close(life.id)
            raise

    def _begun(self, life: ContainerLife, gateway: Gateway, *, has_socket: bool) -> OpenLife:
        spec = life.spec
        is_adopted = life.id in self._reclaimed
        self._reclaimed.discard(life.id)
        main = None if is_adopted else spec.steps.startup or spec.steps.run
        script = output_of(main.script if main is not None else None)
        began_at_s = self._parts.clock.now()
        opened = OpenLife(life, gateway, has_socket, is_adopted, script, began_at_s)
        self._lives[life.id] = opened
        if has_socket:
            self._keeper.attend(life.id, lambda: self._changed(life.id))
            self._limits.open(spec.name, spec.run_with.limits if is_adopted else None)
            self._show(life.id, opened)
        return opened

    async def _variables(self, opened: OpenLife) -> Mapping[str, str]:
        spec = opened.life.spec
        variables = {"DOCKER_HOST": f"unix://{opened.gateway.address}"}
        if opened.has_socket and _may_run_containers(spec):
            variables |= await asyncio.to_thread(self._compose_variables, spec.name)
        return variables

    def attend(self, life_id: str, on_change: Callable[[], None]) -> None:
        if life_id in self._lives:
            self._lives[life_id].listeners.append(on_change)

    def state(self, life_id: str) -> GenerationState:
        return self._keeper.state(life_id)

    async def look(self, life_id: str) -> GenerationState:
        return await self._keeper.look(life_id)

    def count(self, life_id: str, main: Step, script_name: str) -> LineCount | None:
        life = self._lives.get(life_id)
        if life is None or not life.has_socket or not _may_run_containers(life.life.spec):
            return None
        try:
            return self._output.count_script(life_id, life.component, script_name)
        except (OSError, GreendockError) as error:
            _log.warning(
                "should the core be killed, lines of %s may be logged twice: %s",
                life.component,
                error,
            )
            return None

    def runs(self, life_id: str, main: Step | None) -> None:
        life = self._lives.get(life_id)
        if life is None or not life.has_socket:
            return
        life.kind = Kind.DETACHED if main is None else _kind(main)
        life.script = output_of(main.script if main is not None else None)
        self._keeper.runs(life_id, life.kind)
        self._show(life_id, life)

    def can_carry(self, life_id: str) -> bool:
        life = self._lives.get(life_id)
        return life is not None and life.kind is not Kind.OTHER

    @property
    def engine_is_lost(self) -> bool:
        return self._keeper.engine_is_lost

    async def engine_is_back(self, deadline_s: float) -> bool:
        return await self._keeper.engine_is_back(deadline_s)

    def limit(self, life_id: str, limits: ResourceLimits | None) -> None:
        life = self._lives.get(life_id)
        if life is None:
            return
        life.limits = limits
        if life.has_socket:
            self._limits.change(life.component, limits)

    def limit_trouble(self, life_id: str) -> str | None:
        life = self._lives.get(life_id)
        if life is None or not life.has_socket:
            return None
        return self._limits.trouble(life.component)

    async def close(self, life_id: str) -> None:
        life = await self._shut(life_id)
        if life is not None and life.has_socket:
            # Its scripts are over: what containers print while they stop comes from the engine.
            life.script = ScriptOutput.NONE
            self._show(life_id, life)
        await self._keeper.close(life_id)
        if life is not None and life.has_socket and "_output" in self.__dict__:
            await self._output.close(life_id)
        if life is not None:
            self._let_go(life_id, life)

    async def kill(self, life_id: str) -> None:
        life = await self._shut(life_id)
        await self._keeper.kill(life_id)
        if life is not None:
            self._let_go(life_id, life)

    def leave(self, life_id: str) -> None:
        self._keeper.leave(life_id)

    # -- parts

    def _compose_variables(self, component: str) -> Mapping[str, str]:
        """For `docker-compose` and `docker compose`, where the machine has one of them."""
        from greendock.docker.compose.shims import ComposeShims

        paths = self._parts.paths
        path = search_path(os.environ.get("PATH"))
        shims = ComposeShims(paths.run / "compose")
        return shims.variables(paths.work_folder(component), path)

    @cached_property
    def _limits(self) -> ComponentLimits:
        return self._parts.limits()

    @cached_property
    def _output(self) -> ContainerOutput:
        from greendock.docker.containers.container_output import ContainerOutput

        parts = self._parts
        return ContainerOutput(
            parts.docker.engine, parts.logs, parts.paths.log_positions, parts.clock
        )

    async def _shut(self, life_id: str) -> OpenLife | None:
        """No more requests of this life."""
        self._reclaimed.discard(life_id)
        life = self._lives.get(life_id)
        if life is not None:
            await life.gateway.close()
        return life

    def _let_go(self, life_id: str, life: OpenLife) -> None:
        self._lives.pop(life_id, None)
        if "_output" in self.__dict__:
            self._output.forget(life_id)
        if life.has_socket and self.of_component(life.component) is None:
            self._limits.close(life.component)

    def _changed(self, life_id: str) -> None:
        life = self._lives.get(life_id)
        if life is None:
            return
        self._show(life_id, life)
        for listener in tuple(life.listeners):
            listener()

    def _show(self, life_id: str, life: OpenLife) -> None:
        """Have the log of each container followed that nobody else brings."""
        state = self._keeper.state(life_id)
        if state.containers:
            self._output.update(life_id, life.component, state, life.script)


def _may_run_containers(spec: ComponentSpec) -> bool:
    return spec.uses_docker or names_docker(spec.steps)


def _kind(main: Step) -> Kind:
    from greendock.docker.containers import script_kind

    alone = script_kind.kind_of(main.script) is not script_kind.Kind.NONE
    return Kind.FOREGROUND if alone else Kind.OTHER
