"""Ports of the rules as plain classes that a test fills, and rules built on them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from greendock.docker.containers.claims import Claims
from greendock.docker.containers.labels import Owner
from greendock.docker.containers.limits import NO_LIMITS, LimitRule
from greendock.docker.gateway.component_rules import ComponentRules
from greendock.docker.gateway.creation import NOTHING_INJECTED, Injected
from greendock.docker.gateway.exchange import Forward, Refuse, RequestHead, Verdict
from greendock.docker.gateway.policy import GREENGRASS, ContainerPolicy, Place
from greendock.docker.gateway.ports import Kind, RulePorts, Thing, Told

MINE = Owner("core-1", "com.example.Mine", "1.2.0", "gen-mine", "dep-1")
OTHER = Owner("core-1", "com.example.Other", "2.0.0", "gen-other", "dep-2")
ELSEWHERE = Owner("core-2", "com.example.Mine", "1.2.0", "gen-else", "dep-3")
JSON = ("Content-Type", "application/json")


@dataclass
class Things:
    """Ownership, from a table; `failure` is what an engine that is away raises."""

    table: dict[tuple[Kind, str], Thing] = field(default_factory=dict)
    waited: int = 0
    failure: Exception | None = None

    async def ready(self) -> None:
        self.waited += 1
        if self.failure is not None:
            raise self.failure

    async def find(self, kind: Kind, ref: str) -> Thing | None:
        return self.table.get((kind, ref))

    def add(self, kind: Kind, name: str, owner: Owner | None, driver: str = "") -> None:
        self.table[(kind, name)] = Thing(kind, "f" * 64, name, owner, driver)


@dataclass
class Pictures:
    """Images."""

    logins: dict[str, str] = field(default_factory=dict)
    needed: dict[str, list[str]] = field(default_factory=dict)
    told: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    async def credentials_for(self, image: str) -> str | None:
        return self.logins.get(image)

    async def arrivals(self, how: str) -> Told:
        async def tell(names: Sequence[str]) -> None:
            self.told.append((how, tuple(names)))

        return tell

    async def removal_hits(self, ref: str) -> Sequence[str]:
        return self.needed.get(ref, [])

    async def named_by(self, image: str) -> Sequence[str]:
        return self.needed.get(image, [])


@dataclass
class Rooms:
    claims: list[Claims] = field(default_factory=list)

    async def make_way(self, claims: Claims) -> None:
        self.claims.append(claims)


@dataclass
class Bounds:
    now: LimitRule = NO_LIMITS

    def rule(self) -> LimitRule:
        return self.now


@dataclass
class Additions:
    now: Injected = NOTHING_INJECTED

    def values(self) -> Injected:
        return self.now


@dataclass
class Desk:
    """One component's rules, and what stands around them."""

    policy: ContainerPolicy = GREENGRASS
    place: Place = field(default_factory=Place)
    owner: Owner = MINE
    things: Things = field(default_factory=Things)
    images: Pictures = field(default_factory=Pictures)
    room: Rooms = field(default_factory=Rooms)
    limits: Bounds = field(default_factory=Bounds)
    injection: Additions = field(default_factory=Additions)

    def rules(self) -> ComponentRules:
        ports = RulePorts(self.things, self.images, self.room, self.limits, self.injection)
        return ComponentRules(self.owner, self.policy, self.place, ports)

    def judge(
        self,
        method: str,
        target: str,
        body: bytes | Mapping[str, Any] | None = None,
        *headers: tuple[str, str],
    ) -> Verdict:
        """As the transport asks: a body only where it is wanted."""
        rules = self.rules()
        head = RequestHead(method, target, (JSON, *headers))
        sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        wanted = rules.needs_body(head)
        return asyncio.run(rules.judge(head, None if wanted is None else sent or b""))

    def sent(self, *args: Any) -> Forward:
        """What is forwarded; fails when it is refused."""
        verdict = self.judge(*args)
        assert isinstance(verdict, Forward), verdict
        return verdict

    def body(self, *args: Any) -> Any:
        """The JSON that is forwarded."""
        body = self.sent(*args).body
        assert body is not None
        return json.loads(body)

    def refusal(self, *args: Any) -> Refuse:
        verdict = self.judge(*args)
        assert isinstance(verdict, Refuse), verdict
        return verdict
