"""What a create body refers to: other containers' namespaces and volumes, and networks; pure.

Called when the container policy says that not all of it may be used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from greendock.docker.gateway.ports import Kind

_CONTAINER = "container:"
_JOINED = ("NetworkMode", "PidMode", "IpcMode", "Cgroup")
_OWN_WORDS = frozenset({"", "default", "bridge", "none", "host", "nat"})
"""Values of NetworkMode that name no network of anybody; `host` is another rule's."""


@dataclass(frozen=True, slots=True)
class Reference:
    """`where`: the member that holds it."""

    kind: Kind
    ref: str
    where: str


def references_of(members: Mapping[str, Any], host: Mapping[str, Any]) -> Iterator[Reference]:
    """Of a create or start body in canonical form, and its HostConfig."""
    for member in _JOINED:
        value = host.get(member)
        if isinstance(value, str) and value.startswith(_CONTAINER):
            yield Reference(Kind.CONTAINER, value[len(_CONTAINER) :], f"HostConfig.{member}")
    for member in ("VolumesFrom", "Links"):
        for item in host.get(member) or ():
            yield Reference(Kind.CONTAINER, str(item).partition(":")[0], f"HostConfig.{member}")
    mode = host.get("NetworkMode")
    if isinstance(mode, str) and mode not in _OWN_WORDS and not mode.startswith(_CONTAINER):
        yield Reference(Kind.NETWORK, mode, "HostConfig.NetworkMode")
    yield from _endpoints(members.get("NetworkingConfig"))


def _endpoints(networking: object) -> Iterator[Reference]:
    config = networking.get("EndpointsConfig") if isinstance(networking, Mapping) else None
    for name, endpoint in config.items() if isinstance(config, Mapping) else ():
        where = "NetworkingConfig.EndpointsConfig"
        if name not in _OWN_WORDS - {"host"}:
            yield Reference(Kind.NETWORK, name, where)
        network_id = endpoint.get("NetworkID") if isinstance(endpoint, Mapping) else None
        if isinstance(network_id, str) and network_id:
            yield Reference(Kind.NETWORK, network_id, f"{where}.NetworkID")
