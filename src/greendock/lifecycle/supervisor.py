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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from greendock.base.clock import Clock
from greendock.base.errors import UsageError
from greendock.base.events import Bus
from greendock.base.logs import ComponentLogs
from greendock.base.paths import Paths
from greendock.lifecycle.bell import Belfry
from greendock.lifecycle.cgroups import ControlGroups, detect
from greendock.lifecycle.change import Change, decide
from greendock.lifecycle.component import Component
from greendock.lifecycle.desired import Request
from greendock.lifecycle.environment import core_id
from greendock.lifecycle.giving_way import GivingWay
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
    OwnedContainers,
    RunSettings,
    Surroundings,
)
from greendock.lifecycle.roster import Roster
from greendock.lifecycle.settling import Settling, Tell
from greendock.lifecycle.users import Users

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
    owned: OwnedContainers | None = None
    detect_groups: Callable[[str], ControlGroups] = detect
    parts: Mapping[str, CorePart] = field(default_factory=dict)
    _host: Host | None = field(default=None, init=False)
    _roster: Roster = field(init=False)
    _belfry: Belfry = field(default_factory=Belfry, init=False)
    _settling: Settling = field(init=False)
    _giving_way: GivingWay = field(init=False)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _successors: dict[str, ComponentSpec] = field(default_factory=dict, init=False)
    _reaper: asyncio.Task[None] | None = field(default=None, init=False)
    _spared: frozenset[int] = field(default=frozenset(), init=False)
    _stops: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._roster = Roster(self.parts)
        self._settling = Settling(self._roster, self._belfry, self.clock, self.settings)
        self._giving_way = GivingWay(self._roster, self._belfry, self.clock, self._stop_early)

    @property
    def _components(self) -> dict[str, Component]:
        return self._roster.components

    async def start(self) -> None:
        """Prepare this process and machine, and end what an earlier life of the core left."""
        if not become_subreaper():
            _log.warning("cannot adopt orphans: daemons without a control group may get away")
        core = own_id(self.paths.root)
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
            owned=self.owned,
            parts=self.parts,
        )
        await end_earlier_life(core, groups)
        await self._host.users.create_default(self.settings.default_posix_user)
        self._spared = frozenset(process.pid for process in foreign_children())
        self._reaper = asyncio.create_task(self._reap(), name="reap orphans")

    def update(
        self, specs: Mapping[str, ComponentSpec], leaving: Collection[str] = ()
    ) -> frozenset[str]:
        """Add new components, change those whose specification changed, mend BROKEN ones.

        Components that are not in `specs` stay as they are; those `leaving` are going to be
        removed, and stop before that when they have to give way.

        Gives back the names of those that start or restart because of this, those that depend on
        them HARD included. Raises LifecycleError for a circle of dependencies; nothing is changed
        then.
        """
        graph = self._roster.graph() | {name: spec.dependencies for name, spec in specs.items()}
        order = [name for name in start_order(graph) if name in specs]
        self._giving_way.leaving = frozenset(leaving)
        touched = [name for name in order if self._take(specs[name])]
        return with_hard_dependers(self._roster.graph(), touched) & frozenset(self._components)

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
        was_stopped = self._giving_way.take_back(spec.name)
        if component is None:
            self._add(spec)
            return True
        if component.desired.end is State.UNINSTALLED:
            self._successors[spec.name] = spec
            return True
        change = decide(component.latest_spec, spec, component.state)
        if was_stopped and change in (Change.NONE, Change.SWAP):
            change = Change.RESTART
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
        return await self._settling.wait(frozenset(names), deadline_s)

    async def wait_sound(
        self, names: Iterable[str], deadline_s: float, tell: Tell
    ) -> Mapping[str, ComponentView]:
        """As `wait_settled`, and until the containers of each have run well for a while.

        `tell` hears who is waited for, at every change; the same text may come again. Raises
        LifecycleError too, when a container is restarted again and again.
        """
        return await self._settling.wait_sound(frozenset(names), deadline_s, tell)

    def leaving(self) -> frozenset[str]:
        """Components of which something runs that is going to end: `give_way` is True for them."""
        return self._giving_way.candidates()

    async def give_way(self, name: str) -> bool:
        """Have what runs of a component end now, if it ends with the present deployment anyway.

        True when its processes and containers are gone, False when it stays as it is. Whoever
        waits sets the deadline.
        """
        return await self._giving_way.ask(name)

    async def _stop_early(self, names: Iterable[str]) -> None:
        await self._retire(names, Request.STOP)

    async def remove(self, names: Iterable[str]) -> None:
        """Stop these, dependers first, run their uninstall scripts and forget them."""
        there = [name for name in names if name in self._components]
        for name in there:
            self._successors.pop(name, None)
        await self._retire(there, Request.REMOVE)

    async def _retire(self, names: Iterable[str], request: Request) -> None:
        """Ask each once those that depend on it HARD are at rest; wait until all are."""
        graph = self._roster.graph()
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
        component = self._roster.own(name, "restart")
        if self._stops:
            raise UsageError(f"cannot restart {name}: the core is stopping")
        self._ask(component, Request.RESTART)

    def stop(self, name: str) -> None:
        """Stop a component until it is restarted. Returns at once.

        Raises UsageError for a component that isn't there.
        """
        self._ask(self._roster.own(name, "stop"), Request.STOP)

    async def pause(self, name: str) -> None:
        """Hold a RUNNING component's processes and containers; returns when they stand still.

        Raises UsageError for one that isn't there, isn't RUNNING or is part of the core, and
        LifecycleError when it can't be done; the component runs on then.
        """
        await self._roster.own(name, "pause").pausing.pause()

    async def resume(self, name: str) -> None:
        """Have a paused component go on.

        Raises UsageError for one that isn't there or isn't paused, and LifecycleError when it
        can't be done; the component stays paused then.
        """
        await self._roster.own(name, "resume").pausing.resume()

    def request_state(self, component: str, state: State) -> None:
        """What a component says of itself: RUNNING or ERRORED.

        Raises UsageError for a component that isn't there or another state.
        """
        if state not in (State.RUNNING, State.ERRORED):
            raise UsageError(
                f"cannot set the state of {component} to {state}: only RUNNING and ERRORED can "
                "be reported"
            )
        self._roster.get(component, "update the state of").report(state)

    # What is there (roster.py).

    def views(self) -> list[ComponentView]:
        """All components, dependencies first."""
        return self._roster.views()

    def view(self, name: str) -> ComponentView | None:
        return self._roster.view(name)

    def dependers(self, name: str) -> frozenset[str]:
        """Those that depend on `name`, hard or soft."""
        return self._roster.dependers(name)

    def configuration_of(self, name: str) -> Mapping[str, Any] | None:
        """As `view` has it; for what is asked at every call."""
        return self._roster.configuration_of(name)

    @property
    def names(self) -> Collection[str]:
        """Of all components, in no order."""
        return self._roster.components.keys()

    @property
    def groups(self) -> ControlGroups | None:
        """The machine's control groups; None before the start."""
        return None if self._host is None else self._host.groups

    # The end.

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
        killed = await asyncio.gather(*(c.kill() for c in late), return_exceptions=True)
        for component, failure in zip(late, killed, strict=True):
            if isinstance(failure, Exception):
                _log.error("%s could not be ended by force", component.name, exc_info=failure)
        for component in self._components.values():
            component.close()
        if self._host is not None:
            if not self._host.groups.are_usable:
                await end_strays(self._spared)
            self._host.groups.remove()
        self._components.clear()
        self._tasks.clear()
        self._reaper = None

    # What the components ask and tell (state_work.Neighbours).

    def dependencies_ready(self, name: str) -> bool:
        return not self._roster.not_ready(name)

    def changed(self, name: str) -> None:
        component = self._components[name]
        for other in hard_dependers(self._roster.graph(), name):
            depender = self._components[other]
            if must_restart(depender.state, component.is_ready):
                depender.ask(Request.RESTART)
            else:
                depender.ring()
        if component.state is State.UNINSTALLED:
            self._forget(component)
        self._belfry.ring()

    def stirred(self, name: str) -> None:
        self._belfry.ring()

    def _forget(self, component: Component) -> None:
        del self._components[component.name]
        self._tasks.pop(component.name, None)
        successor = self._successors.pop(component.name, None)
        if successor is not None:
            self._add(successor)

    async def _until(self, done: Callable[[], bool]) -> None:
        await self._belfry.until(self.clock, done)

    async def _reap(self) -> None:
        while True:
            await self.clock.sleep(_REAP_EVERY_S)
            reap_orphans()


def own_id(root: Path) -> str:
    """Of the true path: a root that is given by another name is the same core."""
    return core_id(os.path.realpath(root))


def _log_crash(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("%s failed", task.get_name(), exc_info=task.exception())
