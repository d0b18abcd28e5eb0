"""The OwnedContainers port as a plain class: an engine that does what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from greendock.base.clock import SystemClock
from greendock.base.errors import LifecycleError
from greendock.docker.containers.labels import Owner
from greendock.docker.containers.model import GenerationState, OwnedContainer, Phase
from greendock.lifecycle.model import ComponentSpec, ResourceLimits
from greendock.lifecycle.ports import ContainerLife, LineCount, Reclaimed
from greendock.recipe.model import Step

NAME = "com.example.A"


def container(name: str = "web", phase: Phase = Phase.RUNNING, **more: Any) -> OwnedContainer:
    owner = Owner("core", NAME, "1.0.0", "life")
    return OwnedContainer(f"id-{name}", name, owner, phase, **more)


@dataclass
class KnownLife:
    """What the port was told of one life."""

    life: ContainerLife | None = None
    state: GenerationState = field(default_factory=GenerationState)
    ring: Callable[[], None] = lambda: None
    mains: list[Step | None] = field(default_factory=list)


@dataclass
class FakeEngine:
    """`calls` remembers "open", "close", "kill", "leave" with the component, in order."""

    calls: list[str] = field(default_factory=list)
    lives: dict[str, KnownLife] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)
    limits: list[ResourceLimits | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    refusal: Exception | None = None
    kill_failure: Exception | None = None
    variables: dict[str, str] = field(default_factory=dict)
    earlier: dict[str, str] = field(default_factory=dict)
    may_answer: asyncio.Event | None = None
    may_close: asyncio.Event | None = None
    may_look: asyncio.Event | None = None
    looking: int = 0
    carries: bool = True
    is_lost: bool = False
    is_deaf: bool = False
    """It does not answer, and nobody has noticed."""
    back: asyncio.Event = field(default_factory=asyncio.Event)
    waited_s: list[float] = field(default_factory=list)
    reads: int = 0

    # What a test does.

    @property
    def present(self) -> KnownLife:
        """The newest life."""
        return next(reversed(self.lives.values()))

    def show(self, *containers: OwnedContainer, **failures: int) -> None:
        """From now on the newest life has these."""
        self.present.state = GenerationState(True, containers, failures)
        self.present.ring()

    def change(self, name: str, **what: Any) -> None:
        """One container of the newest life is different."""
        known = self.present.state
        new = [replace(one, **what) if one.name == name else one for one in known.containers]
        self.show(*new, **known.failures)

    def lose(self) -> None:
        self.is_lost = True
        self.back.clear()
        for known in self.lives.values():
            known.state = replace(known.state, is_known=False)
            known.ring()

    def come_back(self, *containers: OwnedContainer) -> None:
        """With these of the newest life alive."""
        self.is_lost = False
        self.back.set()
        self.show(*containers)

    # The port.

    async def reclaim(self, spec: ComponentSpec) -> Reclaimed | None:
        self.asked.append(spec.name)
        if self.may_answer is not None:
            try:
                await self.may_answer.wait()
            except asyncio.CancelledError:
                self.given_up.append(spec.name)
                raise
        found = self.earlier.pop(spec.name, None)
        return None if found is None else Reclaimed(found)

    async def open(self, life: ContainerLife) -> Mapping[str, str]:
        if self.refusal is not None:
            raise self.refusal
        self.calls.append(f"open {life.spec.name}")
        known = self.lives.pop(life.id, KnownLife())
        known.life = life
        self.lives[life.id] = known
        return self.variables

    def attend(self, life_id: str, on_change: Callable[[], None]) -> None:
        self.lives[life_id].ring = on_change

    def state(self, life_id: str) -> GenerationState:
        self.reads += 1
        return self.lives[life_id].state

    async def look(self, life_id: str) -> GenerationState:
        self.looking += 1
        if self.may_look is not None:
            await self.may_look.wait()
        if self.is_lost or self.is_deaf:
            raise LifecycleError("cannot ask the engine: it is away")
        return self.lives[life_id].state

    def count(self, life_id: str, main: Step, script_name: str) -> LineCount | None:
        return None

    def runs(self, life_id: str, main: Step | None) -> None:
        self.lives[life_id].mains.append(main)

    def can_carry(self, life_id: str) -> bool:
        return self.carries

    @property
    def engine_is_lost(self) -> bool:
        return self.is_lost

    async def engine_is_back(self, deadline_s: float) -> bool:
        self.waited_s.append(deadline_s)
        if not self.is_lost:
            return True
        try:
            async with asyncio.timeout(deadline_s):
                await self.back.wait()
        except TimeoutError:
            return False
        return True

    def limit(self, life_id: str, limits: ResourceLimits | None) -> None:
        self.limits.append(limits)

    def limit_trouble(self, life_id: str) -> str | None:
        return None

    async def close(self, life_id: str) -> None:
        self.calls.append(f"close {self._component(life_id)}")
        if self.may_close is not None:
            await self.may_close.wait()
        self.closed.append(life_id)
        self._empty(life_id)

    async def kill(self, life_id: str) -> None:
        self.calls.append(f"kill {self._component(life_id)}")
        if self.kill_failure is not None:
            raise self.kill_failure
        self.closed.append(life_id)
        self._empty(life_id)

    def leave(self, life_id: str) -> None:
        self.calls.append(f"leave {self._component(life_id)}")

    def _component(self, life_id: str) -> str:
        known = self.lives.get(life_id)
        return known.life.spec.name if known and known.life else life_id

    def _empty(self, life_id: str) -> None:
        if life_id in self.lives:
            self.lives[life_id].state = GenerationState()


class JumpClock(SystemClock):
    """Real time, to which a test adds as much as it wants at once."""

    def __init__(self) -> None:
        self._ahead_s = 0.0
        self._jumped = asyncio.Event()
        self.sleeps: set[float] = set()

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead_s

    def jump(self, seconds: float) -> None:
        self._ahead_s += seconds
        self._jumped.set()
        self._jumped = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.sleeps.add(seconds)
        end = self.monotonic() + seconds
        while (left_s := end - self.monotonic()) > 0:
            jumped = asyncio.ensure_future(self._jumped.wait())
            try:
                await asyncio.wait([jumped], timeout=left_s)
            finally:
                jumped.cancel()
