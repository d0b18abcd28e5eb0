"""Whose a thing is, asked of the engine itself, which knows what a name or an id prefix means.

Fills the port of the rules. What it learned of a full id counts for good: labels never change.
Names are asked for each time: they can mean another thing a moment later. Decides nothing.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import quote

import msgspec

from greendock.docker.containers.labels import read_owner
from greendock.docker.engine.client import Engine
from greendock.docker.errors import DockerError
from greendock.docker.gateway.ports import Kind, Thing

_W = TypeVar("_W")
_FULL_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_REMEMBERED = 4096
_TIMEOUT_S = 15.0
_PATHS = {
    Kind.CONTAINER: "/containers/{}/json",
    Kind.NETWORK: "/networks/{}",
    Kind.VOLUME: "/volumes/{}",
    Kind.EXEC: "/exec/{}/json",
}


class _Config(msgspec.Struct):
    labels: dict[str, str] | None = msgspec.field(name="Labels", default=None)


class _HostConfig(msgspec.Struct):
    cgroup_parent: str = msgspec.field(name="CgroupParent", default="")


class _Mount(msgspec.Struct):
    kind: str = msgspec.field(name="Type", default="")
    source: str = msgspec.field(name="Source", default="")


class _Wire(msgspec.Struct):
    """What is read of any of the four; ids have two spellings."""

    id: str = msgspec.field(name="Id", default="")
    name: str = msgspec.field(name="Name", default="")
    driver: str = msgspec.field(name="Driver", default="")
    labels: dict[str, str] | None = msgspec.field(name="Labels", default=None)
    options: dict[str, str] | None = msgspec.field(name="Options", default=None)
    mounts: list[_Mount] | None = msgspec.field(name="Mounts", default=None)
    config: _Config | None = msgspec.field(name="Config", default=None)
    host: _HostConfig | None = msgspec.field(name="HostConfig", default=None)


class _Exec(msgspec.Struct):
    container: str = msgspec.field(name="ContainerID", default="")


class EngineLookup:
    """Implements ports.Ownership. `ready`: waits for the start's clean-up."""

    def __init__(self, engine: Engine, ready: Callable[[], Awaitable[None]]) -> None:
        self._engine = engine
        self._ready = ready
        self._known: OrderedDict[tuple[Kind, str], Thing] = OrderedDict()

    async def ready(self) -> None:
        await self._ready()

    async def find(self, kind: Kind, ref: str) -> Thing | None:
        known = self._known.get((kind, ref))
        if known is not None:
            self._known.move_to_end((kind, ref))
            return known
        body = await self._ask(kind, ref)
        if body is None:
            return None
        if kind is Kind.EXEC:
            container = await self.find(Kind.CONTAINER, _decoded(body, _Exec).container)
            if container is None:
                return None
            thing = Thing(kind, ref, container.name, container.owner)
        else:
            thing = _thing(kind, _decoded(body, _Wire))
        self._remember(kind, ref, thing)
        return thing

    def _remember(self, kind: Kind, ref: str, thing: Thing) -> None:
        # A container can be named like an id of another one; the engine then takes the id first.
        key = ref if kind is Kind.EXEC else thing.id
        if _FULL_ID.fullmatch(key) and kind is not Kind.VOLUME:
            self._known[(kind, key)] = thing
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)

    async def _ask(self, kind: Kind, ref: str) -> bytes | None:
        path = _PATHS[kind].format(quote(ref, safe=""))
        answer = await self._engine.ask("GET", path, timeout_s=_TIMEOUT_S)
        if answer.status == 200:
            return answer.body
        # 400: the name can be none of anything. The engine says so to the client itself.
        if answer.status in (400, 404):
            return None
        what = f"cannot tell whose the {kind.value} {ref[:80]!r} is"
        raise self._engine.failure(what, answer, DockerError)


def _thing(kind: Kind, wire: _Wire) -> Thing:
    labels = wire.config.labels if wire.config is not None else wire.labels
    return Thing(
        kind,
        wire.id,
        wire.name.lstrip("/"),
        read_owner(labels or {}),
        wire.driver if kind is not Kind.CONTAINER else "",
        wire.host.cgroup_parent if wire.host is not None else "",
        wire.options or {},
        tuple(mount.source for mount in wire.mounts or () if mount.kind == "bind"),
    )


def _decoded(body: bytes, wire: type[_W]) -> _W:
    try:
        return msgspec.json.decode(body, type=wire)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Not the decoder's own words, and no chain to them: they may quote an environment.
        raise DockerError(
            "cannot tell whose a thing is: the engine's answer makes no sense"
        ) from None
