"""What components use, processes and containers: fills `ComponentStats` of the IPC operations.

Containers that are in their component's own control group are measured there, without the engine;
the others are asked for one by one. What can't be measured in time is told, and never waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from greendock.base.errors import GreendockError
from greendock.docker.containers.model import GenerationState, OwnedContainer
from greendock.docker.engine.container_stats import ContainerUsage
from greendock.ipc.ports import ComponentUsage
from greendock.lifecycle.cgroups import ControlGroups
from greendock.lifecycle.model import ResourceLimits
from greendock.lifecycle.process_usage import component_usage

_ENGINE_S = 5.0


class ContainerMeter(Protocol):
    """Asks the engine; `docker.containers.limit_updates.ContainerLimits` is one."""

    async def usage(self, container_ids: Collection[str]) -> Mapping[str, ContainerUsage]: ...


@dataclass(frozen=True, slots=True)
class StatsSources:
    """`core_id` marks processes of the core. `groups`: None before the core has started.
    `limits_of`: of a component, None without. `containers_of`: None for a component without any.
    `meter`: called only when the engine has to be asked."""

    core_id: str
    groups: Callable[[], ControlGroups | None]
    limits_of: Callable[[str], ResourceLimits | None]
    containers_of: Callable[[str], GenerationState | None]
    meter: Callable[[], ContainerMeter]


class ComponentStatistics:
    """Over the parts of one core."""

    def __init__(self, sources: StatsSources) -> None:
        self._sources = sources

    async def measure(self, names: Sequence[str]) -> Mapping[str, ComponentUsage]:
        # Not in the thread: what runs may change meanwhile.
        limits = {name: self._sources.limits_of(name) for name in names}
        found = await asyncio.to_thread(self._processes, limits)
        states = {name: self._sources.containers_of(name) for name in found}
        apart: dict[str, tuple[OwnedContainer, ...]] = {}
        for name, state in states.items():
            if state is not None:
                found[name], apart[name] = self._with_group(name, found[name], state)
        asked = [one.id for those in apart.values() for one in those]
        measured, trouble = await self._ask(asked) if asked else ({}, None)
        for name, those in apart.items():
            found[name] = _with_engine(found[name], those, measured, trouble)
        return found

    def _processes(self, wanted: Mapping[str, ResourceLimits | None]) -> dict[str, ComponentUsage]:
        groups = self._sources.groups()
        if groups is None:
            return {}
        found: dict[str, ComponentUsage] = {}
        for name, own in wanted.items():
            used = component_usage(self._sources.core_id, name, groups)
            limits = own or ResourceLimits()
            found[name] = ComponentUsage(
                cpu_s=used.cpu_s,
                memory_bytes=used.memory_bytes,
                processes=used.processes,
                containers=0,
                memory_limit_bytes=limits.memory_kb * 1024 if limits.memory_kb else None,
                cpu_limit=limits.cpus or None,
            )
        return found

    def _with_group(
        self, name: str, usage: ComponentUsage, state: GenerationState
    ) -> tuple[ComponentUsage, tuple[OwnedContainer, ...]]:
        """What the group of its containers says, and the containers that are not in it."""
        usage = replace(usage, containers=len(state.alive), container_restarts=state.restarts)
        groups = self._sources.groups()
        group = groups.containers(name) if groups is not None else None
        counted = group.usage() if group is not None else None
        if group is None or counted is None:
            return usage, state.alive
        inside = any(one.cgroup_parent == group.parent for one in state.containers)
        if not inside:
            return usage, state.alive
        rest = tuple(one for one in state.alive if one.cgroup_parent != group.parent)
        return _plus(usage, counted.cpu_s, counted.memory_bytes), rest

    async def _ask(
        self, container_ids: Sequence[str]
    ) -> tuple[Mapping[str, ContainerUsage], str | None]:
        try:
            async with asyncio.timeout(_ENGINE_S):
                return await self._sources.meter().usage(container_ids), None
        except TimeoutError:
            return {}, f"the engine did not answer within {_ENGINE_S:g} s"
        except GreendockError as error:
            return {}, error.message


def _with_engine(
    usage: ComponentUsage,
    those: Sequence[OwnedContainer],
    measured: Mapping[str, ContainerUsage],
    trouble: str | None,
) -> ComponentUsage:
    for one in those:
        found = measured.get(one.id)
        if found is not None:
            usage = _plus(usage, found.cpu_s, found.memory_bytes)
    if those and trouble is not None:
        text = f"without {len(those)} of its containers: {trouble}"
        return replace(usage, missing=text)
    return usage


def _plus(usage: ComponentUsage, cpu_s: float, memory_bytes: int | None) -> ComponentUsage:
    memory = usage.memory_bytes
    if memory is not None and memory_bytes is not None:
        memory += memory_bytes
    return replace(usage, cpu_s=usage.cpu_s + cpu_s, memory_bytes=memory)
