"""Makes room for a new container: has those components stop first that are going away anyway.

When one that goes holds a name, port, device or volume that a new one needs, the old one has to be
gone before. Decides nothing of that itself (way.py) and stops nothing itself (the port GiveWay).
Whatever goes wrong here is left to the engine, which says what is in the way. Called by the
gateway before it forwards a create.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from greendock.base.clock import Clock
from greendock.base.errors import GreendockError
from greendock.docker.containers import labels
from greendock.docker.containers.claims import Claims
from greendock.docker.containers.way import Holding, in_the_way, read_holding
from greendock.docker.engine.client import Engine
from greendock.docker.ports import Journal

_DEADLINE_S = 60.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0


class GiveWay(Protocol):
    """Components that are going away."""

    def leaving(self) -> Collection[str]:
        """Those that a deployment removes, or that are stopping, with containers that may still be
        there. Costs nothing: asked before every create."""

    async def give_way(self, component: str) -> bool:
        """Have one of them stop now; False when it stays after all. May return before it is
        over."""


@dataclass(frozen=True, slots=True)
class RoomParts:
    """What it is made of. `core`: the id that labels carry."""

    core: str
    engine: Engine
    journal: Journal
    clock: Clock
    deadline_s: float = _DEADLINE_S


class Room:
    """On one engine."""

    def __init__(self, parts: RoomParts, give_way: GiveWay) -> None:
        self._parts = parts
        self._give_way = give_way

    def of(self, component: str) -> ComponentRoom:
        """As the rules of this component's socket see it."""
        return ComponentRoom(self, component)

    async def make_way(self, component: str, claims: Claims) -> None:
        """Returns when nobody who goes away holds what `component` wants, or when the deadline is
        over. Raises nothing."""
        if claims.is_empty or not self._leaving(component):
            return
        try:
            async with asyncio.timeout(self._parts.deadline_s):
                await self._make_way(component, claims)
        except TimeoutError:
            text = f"{component} goes on although not everybody made way in time"
            self._parts.journal.write("WARN", "docker-way-not-made", text)
        except GreendockError as error:
            text = f"nobody was asked to make way for {component}: {error.explain()}"
            self._parts.journal.write("WARN", "docker-way-not-made", text)

    def _leaving(self, component: str) -> frozenset[str]:
        return frozenset(self._give_way.leaving()) - {component}

    async def _make_way(self, component: str, claims: Claims) -> None:
        asked: dict[str, bool] = {}
        pause_s = _FIRST_PAUSE_S
        while leaving := self._leaving(component):
            staying = {name for name, gives in asked.items() if not gives}
            held = in_the_way(claims, component, await self._holdings(leaving - staying))
            if not held:
                return
            new = [name for name in held if name not in asked]
            for name in new:
                text = f"{name} makes way for {component}: it has {', '.join(held[name])}"
                self._parts.journal.write("INFO", "docker-make-way", text)
            answers = await asyncio.gather(*(self._give_way.give_way(name) for name in new))
            asked |= dict(zip(new, answers, strict=True))
            if not any(asked[name] for name in held):
                return
            if not new:
                await self._parts.clock.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _holdings(self, components: Collection[str]) -> list[Holding]:
        """What the containers of these components have. Raises GreendockError."""
        filters = {"label": [f"{labels.CORE}={self._parts.core}"]}
        params = {"all": "1", "filters": json.dumps(filters)}
        listed = await self._ask("/containers/json", params)
        found = []
        for entry in listed if isinstance(listed, list) else ():
            owner = labels.read_owner(entry.get("Labels") or {})
            if owner is None or owner.component not in components:
                continue
            body = await self._ask(f"/containers/{quote(str(entry.get('Id')), safe='')}/json")
            holding = read_holding(body) if isinstance(body, Mapping) else None
            if holding is not None:
                found.append(holding)
        return found

    async def _ask(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """None for what is gone or can't be told."""
        answer = await self._parts.engine.ask("GET", path, params=params)
        if answer.status != 200:
            return None
        try:
            return msgspec.json.decode(answer.body)
        except msgspec.DecodeError:
            return None


@dataclass(frozen=True, slots=True)
class ComponentRoom:
    """The room of one component: what its rules ask for."""

    room: Room
    component: str

    async def make_way(self, claims: Claims) -> None:
        await self.room.make_way(self.component, claims)
