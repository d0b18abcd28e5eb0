"""All components of the core: starts, changes, stops and removes them in dependency order.

The deployment tells it which specifications should run; people tell it to restart and stop. Each
component runs in a task of its own (component.py); this file only connects them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from greendock.base.clock import Clock
from greendock.base.errors import UsageError
from greendock.base.events import Bus
from greendock.base.logs import ComponentLogs
from greendock.base.paths import Paths
from greendock.lifecycle.cgroups import ControlGroups, detect
from greendock.lifecycle.change import Change, decide
from greendock.lifecycle.component import Component
from greendock.lifecycle.desired import Request
from greendock.lifecycle.environment import core_id
from greendock.lifecycle.host import Host
from greendock.lifecycle.leftovers import end_earlier_life, end_strays
from greendock.lifecycle.model import ComponentSpec, ComponentView, State
from greendock.lifecycle.order import (
    hard_dependers,
    must_restart,
    start_order,
    with_hard_dependers,
)
from greendock.lifecycle.orphans import become_subreaper, foreign_children, reap_orphans
from greendock.lifecycle.ports import (
    Containers,
    CorePart,
    Identities,
    RunSettings,
    Surroundings,
)
from greendock.lifecycle.users import Users
from greendock.recipe.model import DependencyType

_log = logging.getLogger("greendock.lifecycle")

STOP_GRACE_S = 15.0
"""Between SIGTERM and SIGKILL: `docker-compose up` gives its containers 10 s to stop."""

_REAP_EVERY_S = 10.0
_REQUESTS = {
    Change.SWAP: None,
    Change.RESTART: Request.RESTART,
    Change.REINSTALL: Request.REINSTALL,
}


@dataclass(slots=True)
class Supervisor:
    """Give it its parts, `start` it, `update` it; `stop_all` at the end."""

    paths: Paths
    bus: Bus
    clock: Clock
    logs: ComponentLogs
    settings: RunSettings
    identities: Identities
    surroundings: Surroundings
    grace_s: float = STOP_GRACE_S
    jitter: Callable[[], float] = random.random
    containers: Containers | None = None
    detect_groups: Callable[[str], ControlGroups] = detect
    parts: Mapping[str, CorePart] = field(default_factory=dict)
    _host: Host | None = field(default=None, init=False)
    _components: dict[str, Component] = field(default_factory=dict, init=False)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _successors: dict[str, ComponentSpec] = field(default_factory=dict, init=False)
    _reaper: asyncio.Task[None] | None = field(default=None, init=False)
    _spared: frozenset[int] = field(default=frozenset(), init=False)
    _turn: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _stops: bool = field(default=False, init=False)

    async def start(self) -> None:
        """Prepare this process and machine, and end what an earlier life of the core left."""
        if not become_subreaper():
            _log.warning("cannot adopt orphans: daemons without a control group may get away")
        core = _own_id(self.paths.root)
        groups = self.detect_groups(core)
        self._host = Host(
            core_id=core,
            paths=self.paths,
            bus=self.bus,
            clock=self.clock,
            logs=self.logs,
            settings=self.settings,
            identities=self.identities,
            surroundings=self.surroundings,
            users=Users(),
            groups=groups,
            environment=dict(os.environ),
            grace_s=self.grace_s,
            jitter=self.jitter,
            containers=self.containers,
            parts=self.parts,
        )
        await end_earlier_life(core, groups)
        await self._host.users.create_default(self.settings.default_posix_user)
        self._spared = frozenset(process.pid for process in foreign_children())
        self._reaper = asyncio.create_task(self._reap(), name="reap orphans")

    def update(self, specs: Mapping[str, ComponentSpec]) -> frozenset[str]:
        """Add new components, change those whose specification changed, mend BROKEN ones.

        Components that are not in `specs` stay as they are. Gives back the names of those that
        start or restart because of this, those that depend on them HARD included. Raises
        LifecycleError for a circle of dependencies; nothing is changed then.
        """
        graph = self._graph() | {name: spec.dependencies for name, spec in specs.items()}
        order = [name for name in start_order(graph) if name in specs]
        touched = [name for name in order if self._take(specs[name])]
        return with_hard_dependers(self._graph(), touched) & frozenset(self._components)

    def note(self, specs: Mapping[str, ComponentSpec]) -> None:
        """Run by these from the next start of a script on; nothing restarts, nothing is added."""
        for name, spec in specs.items():
            if name in self._successors:
                self._successors[name] = spec
            elif name in self._components:
                self._components[name].use(spec, None)

    def _take(self, spec: ComponentSpec) -> bool:
        """True when the component is going to start or restart."""
        component = self._components.get(spec.name)
        if component is None:
            self._add(spec)
            return True
        if component.desired.end is State.UNINSTALLED:
            self._successors[spec.name] = spec
            return True
        change = decide(component.latest_spec, spec, component.state)
        if change is Change.NONE:
            return False
        request = _REQUESTS[change]
        if request is not None:
            self.identities.dismiss(spec.name)
        component.use(spec, request)
        return request is not None

    def _add(self, spec: ComponentSpec) -> None:
        if self._host is None:
            raise RuntimeError("the supervisor is not started")
        component = Component(spec, self._host, self)
        self._components[spec.name] = component
        task = asyncio.create_task(component.live(), name=f"component {spec.name}")
        task.add_done_callback(_log_crash)
        self._tasks[spec.name] = task

    async def wait_settled(
        self, names: Iterable[str], deadline_s: float
    ) -> Mapping[str, ComponentView]:
        """Wait until each of `names` is where it should be, or one of them is BROKEN.

        Raises TimeoutError after `deadline_s` seconds, naming those that are not.
        """
        wanted = frozenset(names)

        def done() -> bool:
            there = [c for name, c in self._components.items() if name in wanted]
            if any(c.state is State.BROKEN and c.is_settled for c in there):
                return True
            return all(c.is_settled for c in there)

        try:
            async with asyncio.timeout(deadline_s):
                await self._until(done)
        except TimeoutError as error:
            raise TimeoutError(self._why_unsettled(wanted)) from error
        return {name: c.view() for name, c in self._components.items() if name in wanted}

    def _why_unsettled(self, names: frozenset[str]) -> str:
        parts: list[str] = []
        for name in sorted(names & self._components.keys()):
            component = self._components[name]
            if not component.is_settled:
                waits = ", ".join(self._not_ready(component))
                parts.append(f"{name} is {component.state}{f' (waits for {waits})' * bool(waits)}")
        return "; ".join(parts)

    async def remove(self, names: Iterable[str]) -> None:
        """Stop these, dependers first, run their uninstall scripts and forget them."""
        there = [name for name in names if name in self._components]
        for name in there:
            self._successors.pop(name, None)
        await self._retire(there, Request.REMOVE)

    async def _retire(self, names: Iterable[str], request: Request) -> None:
        """Ask each once those that depend on it HARD are at rest; wait until all are."""
        graph = self._graph()
        there = {name: self._components[name] for name in names}
        async with asyncio.TaskGroup() as group:
            for name, component in there.items():
                first = [there[n] for n in hard_dependers(graph, name) if n in there]
                group.create_task(self._retire_one(component, first, request))

    async def _retire_one(
        self, component: Component, first: Iterable[Component], request: Request
    ) -> None:
        await self._until(lambda: all(other.is_at_rest for other in first))
        self._ask(component, request)
        await self._until(lambda: component.is_at_rest)

    def _ask(self, component: Component, request: Request) -> None:
        """For what people and deployments want; `changed` asks because of other components."""
        self.identities.dismiss(component.name)
        component.ask(request)

    def restart(self, name: str) -> None:
        """Restart a component, a BROKEN one by installing it again. Returns at once.

        Raises UsageError for a component that isn't there, and while the core stops.
        """
        component = self._own(name, "restart")
        if self._stops:
            raise UsageError(f"cannot restart {name}: the core is stopping")
        self._ask(component, Request.RESTART)

    def stop(self, name: str) -> None:
        """Stop a component until it is restarted. Returns at once.

        Raises UsageError for a component that isn't there.
        """
        self._ask(self._own(name, "stop"), Request.STOP)

    async def pause(self, name: str) -> None:
        """Hold a RUNNING component's processes and containers; returns when they stand still.

        Raises UsageError for one that isn't there, isn't RUNNING or is part of the core, and
        LifecycleError when it can't be done; the component runs on then.
        """
        await self._own(name, "pause").pausing.pause()

    async def resume(self, name: str) -> None:
        """Have a paused component go on.

        Raises UsageError for one that isn't there or isn't paused, and LifecycleError when it
        can't be done; the component stays paused then.
        """
        await self._own(name, "resume").pausing.resume()

    def request_state(self, component: str, state: State) -> None:
        """What a component says of itself: RUNNING or ERRORED.

        Raises UsageError for a component that isn't there or another state.
        """
        if state not in (State.RUNNING, State.ERRORED):
            raise UsageError(
                f"cannot set the state of {component} to {state}: only RUNNING and ERRORED can "
                "be reported"
            )
        self._get(component, "update the state of").report(state)

    def views(self) -> list[ComponentView]:
        """All components, dependencies first."""
        return [self._view(self._components[name]) for name in start_order(self._graph())]

    def view(self, name: str) -> ComponentView | None:
        component = self._components.get(name)
        return None if component is None else self._view(component)

    def _view(self, component: Component) -> ComponentView:
        view = component.view()
        if component.name not in self.parts:
            return view
        return replace(view, configuration=self.configuration_of(component.name) or {})

    def dependers(self, name: str) -> frozenset[str]:
        """Those that depend on `name`, hard or soft."""
        return frozenset(other for other, needs in self._graph().items() if name in needs)

    def configuration_of(self, name: str) -> Mapping[str, Any] | None:
        """As `view` has it; for what is asked at every call."""
        component, part = self._components.get(name), self.parts.get(name)
        if component is None:
            return None
        configuration = component.latest_spec.configuration
        return configuration if part is None else {**configuration, **part.shown}

    @property
    def names(self) -> Collection[str]:
        """Of all components, in no order."""
        return self._components.keys()

    async def stop_all(self, deadline_s: float) -> None:
        """Stop everything, dependers first; what is left after `deadline_s` is killed."""
        self._stops = True
        self._successors.clear()
        try:
            async with asyncio.timeout(deadline_s):
                await self._retire(tuple(self._components), Request.STOP)
        except TimeoutError:
            late = [name for name, c in self._components.items() if not c.is_at_rest]
            _log.error("ended by force after %g s: %s", deadline_s, ", ".join(sorted(late)))
        finally:
            await self._close()

    async def _close(self) -> None:
        tasks = [*self._tasks.values(), *((self._reaper,) if self._reaper else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        late = [c for c in self._components.values() if not c.is_at_rest]
        await asyncio.gather(*(component.kill() for component in late))
        for component in self._components.values():
            component.close()
        if self._host is not None:
            if not self._host.groups.are_usable:
                await end_strays(self._spared)
            self._host.groups.remove()
        self._components.clear()
        self._tasks.clear()
        self._reaper = None

    # What the components ask and tell (component.Neighbours).

    def dependencies_ready(self, component: Component) -> bool:
        return not self._not_ready(component)

    def _not_ready(self, component: Component) -> list[str]:
        """HARD dependencies that keep `component` from starting; absent ones are such."""
        return [
            name
            for name, kind in component.latest_spec.dependencies.items()
            if kind is DependencyType.HARD
            and not (name in self._components and self._components[name].is_ready)
        ]

    def changed(self, component: Component) -> None:
        for name in hard_dependers(self._graph(), component.name):
            depender = self._components[name]
            if must_restart(depender.state, component.is_ready):
                depender.ask(Request.RESTART)
            else:
                depender.ring()
        if component.state is State.UNINSTALLED:
            self._forget(component)
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    def _forget(self, component: Component) -> None:
        del self._components[component.name]
        self._tasks.pop(component.name, None)
        successor = self._successors.pop(component.name, None)
        if successor is not None:
            self._add(successor)

    # Parts.

    def _graph(self) -> dict[str, Mapping[str, DependencyType]]:
        return {name: c.latest_spec.dependencies for name, c in self._components.items()}

    def _get(self, name: str, verb: str) -> Component:
        component = self._components.get(name)
        if component is None:
            near = get_close_matches(name, self._components, n=1)
            raise UsageError(
                f"cannot {verb} {name}: there is no such component",
                codes=("RESOURCE_NOT_FOUND",),
                hint=f"did you mean {near[0]}?" if near else "see `greendock component list`",
            )
        return component

    def _own(self, name: str, verb: str) -> Component:
        """A component that is not the core itself, which runs as long as it is there."""
        component = self._get(name, verb)
        if component.latest_spec.built_in and name not in self.parts:
            raise UsageError(f"cannot {verb} {name}: it is part of the core, which runs")
        return component

    async def _until(self, done: Callable[[], bool]) -> None:
        while not done():
            await self._turn.wait()

    async def _reap(self) -> None:
        while True:
            await self.clock.sleep(_REAP_EVERY_S)
            reap_orphans()


def _own_id(root: Path) -> str:
    """Of the true path: a root that is given by another name is the same core."""
    return core_id(os.path.realpath(root))


def _log_crash(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("%s failed", task.get_name(), exc_info=task.exception())
