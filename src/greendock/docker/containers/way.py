"""Whose containers are in the way of a new one: who holds a name, port, device or volume of it.

Pure. A container that doesn't run holds its name and its volumes only. Two components may share a
volume or a device on purpose, so this says who holds something, not who is at fault. Called by
`room`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from greendock.docker.containers.claims import Claims, claims_of
from greendock.docker.containers.labels import Owner, read_owner

_ENDED = frozenset(("created", "exited", "dead"))


@dataclass(frozen=True, slots=True)
class Holding:
    """A container with what it has of the host now."""

    container_id: str
    owner: Owner
    claims: Claims


def read_holding(body: Mapping[str, Any]) -> Holding | None:
    """The answer of GET /containers/ID/json; None for a container that is nobody's."""
    owner = read_owner(_map(_map(body.get("Config")).get("Labels")))
    if owner is None:
        return None
    claims = claims_of(body, str(body.get("Name") or ""))
    if str(_map(body.get("State")).get("Status")).lower() in _ENDED:
        claims = Claims(claims.name, volumes=claims.volumes)
    else:
        # Ports that the engine chose stand here, and nowhere else.
        ports = _map(_map(body.get("NetworkSettings")).get("Ports"))
        chosen = claims_of({"HostConfig": {"PortBindings": ports}}, "")
        claims = Claims(claims.name, claims.ports | chosen.ports, claims.devices, claims.volumes)
    return Holding(str(body.get("Id") or ""), owner, claims)


def in_the_way(
    wanted: Claims, component: str, holdings: Iterable[Holding]
) -> dict[str, tuple[str, ...]]:
    """Who holds something that `component` wants, and what, for people; its own don't count."""
    found: dict[str, set[str]] = {}
    for holding in holdings:
        held = _held(wanted, holding.claims)
        if held and holding.owner.component != component:
            found.setdefault(holding.owner.component, set()).update(held)
    return {name: tuple(sorted(held)) for name, held in found.items()}


def _held(wanted: Claims, other: Claims) -> list[str]:
    held = [f"the device {path}" for path in wanted.devices & other.devices]
    held += [f"the volume {name}" for name in wanted.volumes & other.volumes]
    if wanted.name and wanted.name == other.name:
        held.append(f"the name {wanted.name}")
    held += [
        f"port {theirs.first}/{theirs.protocol}"
        for ours in wanted.ports
        for theirs in other.ports
        if ours.meets(theirs)
    ]
    return held


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
