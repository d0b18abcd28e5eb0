"""The limits of components on their containers, as they are now and as they change.

Ties what decides (docker/containers/limits.py) to the control groups and the engine. Knows each
component's wanted limits; asks the engine once per connection what it is. Called when components
start, when limits change, for each container that is created, and by who shows them.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from greendock.base.clock import Clock
from greendock.docker.containers.limit_updates import ContainerLimits
from greendock.docker.containers.limits import (
    NO_LIMITS,
    UNLIMITED,
    Enforcement,
    GroupFacts,
    LimitRule,
    WantedLimits,
    decide_rule,
)
from greendock.docker.containers.view import LimitsInForce
from greendock.docker.engine.client import Engine
from greendock.docker.engine.model import EngineInfo
from greendock.lifecycle.cgroups import ControlGroups
from greendock.lifecycle.container_groups import ContainerGroup
from greendock.lifecycle.model import ResourceLimits
from greendock.lifecycle.shared_groups import shares_groups

_log = logging.getLogger("greendock")

_GROUP_GONE_S = 30.0
_RETRY_S = (10.0, 300.0)


@dataclass(slots=True)
class _Kept:
    """What is known of one component. `told`: the trouble that stands in the log already."""

    limits: ResourceLimits | None = None
    rule: LimitRule = NO_LIMITS
    told: str | None = None
    update: asyncio.Task[None] | None = None
    update_trouble: str | None = None
    retry: asyncio.Task[None] | None = None


@dataclass(slots=True)
class ComponentLimits:
    """`core_id`: for names. `engine`: called at each use; may raise DockerError. `containers`: the
    ids of a component's containers, also of those that don't run."""

    core_id: str
    groups: ControlGroups
    engine: Callable[[], Engine]
    clock: Clock
    containers: Callable[[str], Collection[str]]
    _info: EngineInfo | None = None
    _is_shared: bool = False
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def learn(self) -> None:
        """Ask what the engine is: at each new connection, before anything is created on it.

        Raises DockerError; what was known stays then.
        """
        engine = self.engine()
        info = await engine.info()
        socket_path = engine.address.socket_path
        self._is_shared = socket_path is not None and await asyncio.to_thread(
            shares_groups, socket_path, info.name
        )
        self._info = info
        for component in self._kept:
            self._refresh(component)

    def open(self, component: str, limits: ResourceLimits | None) -> LimitRule:
        """A life of `component` begins, or one is taken over: its containers are limited."""
        group = self.groups.containers(component)
        if group is not None:
            group.open()
        self._kept.setdefault(component, _Kept())
        return self.change(component, limits)

    def change(self, component: str, limits: ResourceLimits | None) -> LimitRule:
        """Have other limits hold, for containers that run and for those to come. Returns at once;
        the engine is asked afterwards where each container has the limits by itself."""
        self._kept.setdefault(component, _Kept()).limits = limits
        return self._refresh(component)

    def rule(self, component: str) -> LimitRule:
        """For a container that is about to be created. What failed is tried again."""
        kept = self._kept.get(component)
        if kept is None:
            return NO_LIMITS
        return self._refresh(component) if kept.rule.trouble else kept.rule

    def trouble(self, component: str) -> str | None:
        """Why limits are not enforced on its containers, or not together."""
        kept = self._kept.get(component)
        return None if kept is None else kept.rule.trouble or kept.update_trouble

    def in_force(self, component: str) -> LimitsInForce:
        kept = self._kept.get(component) or _Kept()
        wanted = _wanted(kept.limits)
        cpus = kept.limits.cpus if kept.limits and wanted.nano_cpus else None
        in_group = kept.rule.enforcement is Enforcement.GROUP
        return LimitsInForce(
            memory_bytes=wanted.memory_bytes,
            cpus=cpus,
            enforcement=kept.rule.enforcement,
            where=kept.rule.cgroup_parent if in_group else None,
            trouble=self.trouble(component),
        )

    def close(self, component: str) -> None:
        """The containers of its life are gone: so is their group, soon. Returns at once."""
        kept = self._kept.pop(component, None)
        for task in (kept.update, kept.retry) if kept is not None else ():
            if task is not None:
                task.cancel()
        group = self.groups.containers(component)
        if group is not None and not group.close():
            self._keep(asyncio.create_task(self._remove(group), name=f"remove {group.parent}"))

    async def stop(self) -> None:
        """End what is on its way."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _refresh(self, component: str) -> LimitRule:
        kept, info = self._kept[component], self._info
        wanted = _wanted(kept.limits)
        if info is None:
            text = "limits are not enforced on containers: the engine was not asked yet"
            kept.rule = NO_LIMITS if wanted == UNLIMITED else LimitRule(trouble=text)
            return kept.rule
        old, kept.rule = kept.rule, self._decide(component, kept, wanted, info)
        trouble = kept.rule.trouble
        if trouble is not None and trouble != kept.told:
            _log.warning("%s: %s", component, trouble)
        kept.told = trouble
        if _differs(old, kept.rule):
            self._update_later(component, kept, old, info)
        return kept.rule

    def _decide(
        self, component: str, kept: _Kept, wanted: WantedLimits, info: EngineInfo
    ) -> LimitRule:
        slice_name = self._slice(component)
        group = self.groups.containers(component)
        if group is None:
            facts = GroupFacts(is_shared=self._is_shared, slice_name=slice_name)
            return decide_rule(wanted, info, facts)
        facts = GroupFacts(
            group.parent, str(group.version), self._is_shared, slice_name=slice_name
        )
        rule = decide_rule(wanted, info, facts)
        if rule.cgroup_parent != group.parent:
            return rule
        group.limit(kept.limits)
        if group.trouble is None:
            return rule
        if kept.retry is None:
            kept.retry = asyncio.create_task(
                self._retry(component, kept, group), name=f"limit {group.parent}"
            )
            self._keep(kept.retry)
        return decide_rule(wanted, info, replace(facts, trouble=group.trouble))

    async def _retry(self, component: str, kept: _Kept, group: ContainerGroup) -> None:
        """Until it is done: the containers may use less one day."""
        pause_s, longest_s = _RETRY_S
        while group.trouble is not None:
            await self.clock.sleep(pause_s)
            pause_s = min(pause_s * 2, longest_s)
            if self._kept.get(component) is not kept:
                return
            self._refresh(component)
        kept.retry = None

    def _slice(self, component: str) -> str:
        """systemd reads dashes as levels, so that the core's components are together."""
        digest = hashlib.sha256(component.encode()).hexdigest()[:16]
        return f"greendock-{self.core_id}-{digest}.slice"

    def _update_later(self, component: str, kept: _Kept, old: LimitRule, info: EngineInfo) -> None:
        """One after the other: an update that is on its way is let go first."""
        before, new = kept.update, kept.rule
        task = asyncio.create_task(
            self._update(component, before, (old, new), info), name=f"limits of {component}"
        )
        kept.update = task
        self._keep(task)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _remove(self, group: ContainerGroup) -> None:
        if not await group.close_when_empty(self.clock, _GROUP_GONE_S):
            _log.debug("the control group %s stays for now", group.parent)

    async def _update(
        self,
        component: str,
        before: asyncio.Task[None] | None,
        rules: tuple[LimitRule, LimitRule],
        info: EngineInfo,
    ) -> None:
        if before is not None:
            await asyncio.wait((before,))
        old, new = rules
        try:
            trouble = await ContainerLimits(self.engine()).change(
                self.containers(component), old, new, info
            )
        except Exception:
            _log.exception("limits of the containers of %s could not be changed", component)
            return
        kept = self._kept.get(component)
        if kept is not None:
            kept.update_trouble = trouble
        if trouble is not None:
            _log.warning("%s: %s", component, trouble)


def _wanted(limits: ResourceLimits | None) -> WantedLimits:
    return WantedLimits.of(limits.memory_kb, limits.cpus) if limits else UNLIMITED


def _differs(old: LimitRule, new: LimitRule) -> bool:
    """Whether containers that run may need other limits of their own."""
    return (old.memory_bytes, old.nano_cpus, old.enforcement) != (
        new.memory_bytes,
        new.nano_cpus,
        new.enforcement,
    )
