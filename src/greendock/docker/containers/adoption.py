"""Decides, when a core starts, which generations of an earlier one it takes over.

Pure. Everything else of this core's is stale and has to go before a component reaches the engine.
What belongs to other cores or to nobody is not known here. Called by the keeper.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from greendock.docker.containers.generation import Generation, Kind
from greendock.docker.containers.model import Health, OwnedContainer, Phase


@dataclass(frozen=True, slots=True)
class Deployed:
    """A component that is to run now."""

    version: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`adopted`: generations by component; every other one has to go. `reasons`: why one that has
    containers is not, by component, for the log."""

    adopted: Mapping[str, str]
    reasons: Mapping[str, str]


def decide(
    records: Iterable[Generation],
    found: Iterable[OwnedContainer],
    deployed: Mapping[str, Deployed],
    failures: Mapping[str, Mapping[str, int]] | None = None,
) -> Decision:
    """`found`: all containers of this core, in every state. `failures`: by generation, names and
    exit codes of containers that are gone."""
    containers: dict[str, list[OwnedContainer]] = {}
    for container in found:
        containers.setdefault(container.owner.generation, []).append(container)
    newest: dict[str, Generation] = {}
    for record in records:
        known = newest.get(record.component)
        if known is None or record.number > known.number:
            newest[record.component] = record
    adopted: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for component, record in newest.items():
        own = containers.get(record.id, [])
        why = why_not(record, own, deployed.get(component))
        failed = (failures or {}).get(record.id)
        if why is None and failed:
            name, code = next(iter(failed.items()))
            why = f"container {name} has ended with exit code {code}"
        if why is None:
            adopted[component] = record.id
        elif own:
            reasons[component] = why
    return Decision(adopted, reasons)


def why_not(
    record: Generation, own: list[OwnedContainer], deployed: Deployed | None
) -> str | None:
    """What speaks against taking a generation over; None: nothing."""
    if deployed is None:
        return "the component is not deployed any more"
    if record.version != deployed.version:
        return f"version {deployed.version} is deployed"
    if record.fingerprint != deployed.fingerprint:
        return "the component's recipe or configuration is another one now"
    if record.is_ending:
        return "it was being stopped"
    if record.kind is Kind.OTHER:
        return "its scripts have to go on, too"
    return _unfit(record, own)


def _unfit(record: Generation, own: list[OwnedContainer]) -> str | None:
    for one in own:
        if (one.owner.component, one.owner.version) != (record.component, record.version):
            return f"the labels of container {one.name} contradict each other"
        if not one.is_alive and not (one.phase is Phase.EXITED and one.exit_code == 0):
            return f"container {one.name} is {one.phase}, with exit code {one.exit_code}"
    return _not_as_it_was(record, own)


def _not_as_it_was(record: Generation, own: list[OwnedContainer]) -> str | None:
    alive = [one for one in own if one.is_alive]
    if not alive:
        return "none of its containers runs"
    sick = [one.name for one in alive if one.health is Health.UNHEALTHY]
    if sick:
        return f"container {sick[0]} is unhealthy"
    if record.members - {one.id for one in own}:
        return "some of its containers are gone"
    if record.kind is Kind.FOREGROUND and not record.is_settled:
        if any(one.compose_project for one in own):
            return "it was not up as a whole yet"
        if len(alive) != 1:
            return f"it has {len(alive)} containers, and one was expected"
    return None
