"""What of the host a container takes for itself, so that no second one can have it; pure.

Names, published ports, devices and named volumes, read from the body of a create call in its
canonical form. Called by the gateway before a create, and by who decides who stops first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class PortClaim:
    """A published port. `address`: of the host, empty for all. `last` is `first` for one port."""

    protocol: str
    first: int
    last: int
    address: str = ""

    def meets(self, other: PortClaim) -> bool:
        """Whether both can't be had at once."""
        is_apart = self.last < other.first or other.last < self.first
        if is_apart or self.protocol != other.protocol:
            return False
        return self.address == other.address or not (_is_one(self) and _is_one(other))


@dataclass(frozen=True, slots=True)
class Claims:
    """`name`: of the container, empty when the engine chooses. `devices`: paths on the host.
    `volumes`: named ones; they can be shared, so whether two may use one is not said here."""

    name: str = ""
    ports: frozenset[PortClaim] = frozenset()
    devices: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        return not (self.name or self.ports or self.devices or self.volumes)


def claims_of(body: Mapping[str, Any], name: str) -> Claims:
    """`body`: of POST /containers/create, or the answer of GET /containers/ID/json, whose
    HostConfig has the same form."""
    host = body.get("HostConfig")
    if not isinstance(host, Mapping):
        return Claims(name.lstrip("/"))
    return Claims(
        name.lstrip("/"),
        frozenset(_ports(host.get("PortBindings"))),
        frozenset(
            str(one["PathOnHost"])
            for one in _objects(host.get("Devices"))
            if one.get("PathOnHost")
        ),
        frozenset(_volumes(host)),
    )


def _is_one(port: PortClaim) -> bool:
    return port.address not in ("", "0.0.0.0", "::")  # noqa: S104 - read, not bound


def _ports(bindings: object) -> list[PortClaim]:
    found: list[PortClaim] = []
    for inside, places in bindings.items() if isinstance(bindings, Mapping) else ():
        protocol = str(inside).partition("/")[2].lower() or "tcp"
        for place in _objects(places):
            first, _, last = str(place.get("HostPort") or "").partition("-")
            if _is_port(first) and (not last or _is_port(last)):
                address = str(place.get("HostIp") or "")
                found.append(PortClaim(protocol, int(first), int(last or first), address))
    return found


def _is_port(text: str) -> bool:
    """Without a number, or with 0, the engine chooses one that is free."""
    return text.isascii() and text.isdigit() and 0 < int(text[:6]) <= 65535


def _volumes(host: Mapping[str, Any]) -> set[str]:
    binds = host.get("Binds")
    found = {
        source
        for bind in (binds if isinstance(binds, list) else ())
        if isinstance(bind, str)
        for source, colon, _ in (bind.partition(":"),)
        if colon and source and not source.startswith("/")
    }
    for mount in _objects(host.get("Mounts")):
        if str(mount.get("Type") or "").lower() == "volume" and mount.get("Source"):
            found.add(str(mount["Source"]))
    return found


def _objects(value: object) -> list[Mapping[str, Any]]:
    items = value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, Mapping)]
