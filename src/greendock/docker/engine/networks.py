"""The engine's bridge networks, by the names of their interfaces on the host.

Most are named by Docker's rule; a network's options can name another, as can the daemon's own
settings for the default network. Called by the core for whoever listens for containers.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from greendock.docker.engine.client import Engine
from greendock.docker.errors import DockerError

_NAME_OPTION = "com.docker.network.bridge.name"
_SHORT_ID = 12


@dataclass(frozen=True, slots=True)
class BridgeNetworks:
    """`default`: the interface of the network that containers are in unless told otherwise."""

    default: str | None
    all: frozenset[str]


class _Network(msgspec.Struct):
    name: str = msgspec.field(name="Name", default="")
    id: str = msgspec.field(name="Id", default="")
    driver: str = msgspec.field(name="Driver", default="")
    options: dict[str, str] | None = msgspec.field(name="Options", default=None)

    @property
    def interface(self) -> str:
        return (self.options or {}).get(_NAME_OPTION) or f"br-{self.id[:_SHORT_ID]}"


async def bridge_networks(engine: Engine, timeout_s: float) -> BridgeNetworks:
    """Raises DockerError when the engine can't be asked."""
    answer = await engine.ask("GET", "/networks", timeout_s=timeout_s)
    if answer.status != 200:
        raise engine.failure("cannot list the engine's networks", answer, DockerError)
    return read_networks(answer.body)


def read_networks(body: bytes) -> BridgeNetworks:
    """Raises DockerError for what is no list of networks."""
    try:
        networks = msgspec.json.decode(body, type=list[_Network])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DockerError(
            "cannot list the engine's networks: its answer makes no sense"
        ) from error
    bridges = {
        network.name: network.interface for network in networks if network.driver == "bridge"
    }
    return BridgeNetworks(bridges.get("bridge"), frozenset(bridges.values()))
