"""Keeps the containers of components, by generation: notes, adopts, watches and ends them.

Holds no policy: adoption.py says what is taken over, the lifecycle says when a generation ends.
Asks no engine before a component does, or before a record of an earlier life of the core needs
it. Called by the core, which fills the lifecycle's port from it, and by the gateway.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from greendock.base.clock import Clock
from greendock.base.crash_points import crash_point
from greendock.docker.containers.adoption import Deployed
from greendock.docker.containers.generation import Kind
from greendock.docker.containers.generation_record import GenerationRecord
from greendock.docker.containers.inheritance import Inheritance
from greendock.docker.containers.labels import Owner
from greendock.docker.containers.model import GenerationState
from greendock.docker.containers.settling import Settling
from greendock.docker.errors import ContainerFailed, DockerError, EngineUnavailable
from greendock.docker.ports import Journal

if TYPE_CHECKING:
    from greendock.docker.containers.removal import Removal
    from greendock.docker.containers.sweep import Sweep
    from greendock.docker.containers.watch import ContainerWatch
    from greendock.docker.engine.client import Engine

_log = logging.getLogger("greendock")


@dataclass(frozen=True, slots=True)
class KeeperParts:
    """What a keeper is built from. `core`: the id that labels carry (core_identity.py).

    `engine` is called when the engine is first needed, and at each use; it may raise DockerError.
    `engine_wait_s`: `docker.engineWaitSeconds`, read at each use.
    """

    core: str
    engine: Callable[[], Engine]
    record: GenerationRecord
    journal: Journal
    clock: Clock
    engine_wait_s: Callable[[], float]


@dataclass(slots=True)
class _Life:
    """A generation that goes on. `is_open`: the lifecycle has it, which is to end it.
    `is_admitted`: a request of it was let through."""

    is_open: bool = False
    is_admitted: bool = False
    listeners: list[Callable[[], None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Awake:
    """What there is once the engine is needed."""

    watch: ContainerWatch
    sweep: Sweep


class ContainerKeeper:
    """One per core. Everything but `admit` and `look` raises nothing."""

    def __init__(self, parts: KeeperParts) -> None:
        self._parts = parts
        self._record = parts.record
        self._claims = Inheritance(parts.record, parts.journal)
        self._live: dict[str, _Life] = {}
        self._ending: Counter[str] = Counter()
        self._is_in_order = False
        self._awake: _Awake | None = None
        self._settling = Settling(parts.record, parts.clock, self.state)

    # -- the core

    def begin(self, deployed: Mapping[str, Deployed]) -> list[str]:
        """At the core's start, before any component: `deployed` by the components' names. Returns
        the generations that are on record."""
        self._claims.begin(deployed)
        if noted := [entry.id for entry in self._record.all()]:
            self.wake()
        return noted

    def wake(self) -> None:
        """Connect to the engine, if that isn't so, and put in order what is there."""
        self._rouse()

    async def stop(self) -> None:
        """The core ends: let go of the engine. Containers that are left go on."""
        self._live.clear()
        await self._settling.stop()
        awake, self._awake = self._awake, None
        if awake is not None:
            await awake.sweep.stop()
            await awake.watch.stop()

    # -- the gateway

    async def admit(self, generation: str) -> None:
        """Before each request of a generation is forwarded: returns when nothing of a life that
        is over can be in its way. Costs nothing once that is so.

        Raises DockerError when the engine can't be asked: at once when nothing is known to be in
        the way, else when that lasts for `engine_wait_s`.
        """
        life = self._living(generation)
        if life.is_admitted and self._is_in_order:
            return
        watch = self._rouse().watch
        failures, wait_s = watch.hurry(), self._parts.engine_wait_s()
        await watch.changes.until(lambda: self._has_verdict(watch, failures), wait_s)
        if not self._is_in_order:
            raise watch.trouble or EngineUnavailable(
                "cannot let a request through to the Docker engine: containers of an earlier life "
                "of the core are not removed yet",
                hint="wait, and see the log aws.greengrass.DockerApplicationManager",
            )
        life = self._living(generation)
        self._record.use(generation)
        life.is_admitted = True
        crash_point("containers.admitted")

    # -- the lifecycle

    async def reclaim(self, component: str, fingerprint: str) -> str | None:
        """The generation of an earlier core that goes on and is the caller's now.

        Waits for the engine only when there may be one, and no longer than `engine_wait_s`.
        """
        if not self._claims.is_decided:
            may_have = self._claims.may_have(component, fingerprint)
            try:
                is_decided = may_have and await self._is_decided_in_time()
            except asyncio.CancelledError:
                self._drop(*self._claims.end(component))
                raise
            if not is_decided:
                self._claims.give_up(component)
                return None
        entry = self._claims.take(component)
        if entry is None:
            return None
        if entry.fingerprint != fingerprint:
            self._drop(entry.id)
            return None
        crash_point("containers.reclaimed")
        return entry.id

    async def discard(self, component: str) -> None:
        """The component goes away, perhaps without having been started: end what was adopted for
        it and never opened."""
        self._claims.give_up(component)
        self._claims.take(component)
        for generation, life in tuple(self._live.items()):
            entry = self._record.get(generation)
            if entry is not None and entry.component == component and not life.is_open:
                await self.close(generation)

    def open(self, owner: Owner, fingerprint: str) -> None:
        """Note a generation, durably, or have one that was reclaimed. Raises DeviceError; nothing
        is noted then."""
        self._record.open(owner, fingerprint, self._parts.clock.now())
        life = self._live.setdefault(owner.generation, _Life())
        if not life.is_open:
            life.is_open = True
            if self._awake is not None:
                self._awake.watch.track(owner.generation)
        crash_point("containers.opened")

    def runs(self, generation: str, kind: Kind) -> None:
        """How its containers were started: decides whether a later core can take it over."""
        self._record.set_kind(generation, kind)
        if kind is Kind.DETACHED and self._awake is not None:
            self._awake.watch.leave_alone(generation)
        self._settling.look(generation)

    def attend(self, generation: str, on_change: Callable[[], None]) -> None:
        """Call `on_change` whenever `state` of the generation may be another."""
        life = self._live.get(generation)
        if life is not None:
            life.listeners.append(on_change)

    def state(self, generation: str) -> GenerationState:
        """What there is, as far as it is known."""
        entry = self._record.get(generation)
        if self._awake is None or entry is None or not entry.is_used:
            return GenerationState()
        return self._awake.watch.state(generation)

    async def look(self, generation: str) -> GenerationState:
        """As the engine says now. Raises DockerError."""
        entry = self._record.get(generation)
        if entry is None or not entry.is_used:
            return GenerationState()
        return await self._rouse().watch.look(generation)

    @property
    def engine_is_lost(self) -> bool:
        """The engine was there in this life of the core and does not answer now."""
        return self._awake is not None and self._awake.watch.engine_is_lost

    @property
    def losses(self) -> int:
        """How often the engine was lost: what was known of it may be wrong after each."""
        return 0 if self._awake is None else self._awake.watch.losses

    async def engine_is_back(self, deadline_s: float) -> bool:
        """Wait for a lost engine, and until it has told what runs; False: not in time."""
        return self._awake is None or await self._awake.watch.engine_is_back(deadline_s)

    async def close(self, generation: str) -> None:
        """Stop and remove all its containers, and its networks. What an absent engine holds is
        owed, and done when it is back, by the next core if need be."""
        await self._end(generation, has_grace=True)

    async def kill(self, generation: str) -> None:
        """As `close`, without grace."""
        await self._end(generation, has_grace=False)

    def leave(self, generation: str) -> None:
        """The core ends in a hurry: its containers go on, its record stays."""
        life = self._live.get(generation)
        if life is not None:
            life.listeners.clear()

    # -- putting in order

    def _rouse(self) -> _Awake:
        if self._awake is None:
            from greendock.docker.containers.sweep import Sweep, SweepParts
            from greendock.docker.containers.watch import ContainerWatch, Hooks

            parts = self._parts
            hooks = Hooks(self._changed, self._looked, self._put_in_order)
            watch = ContainerWatch(parts.engine, parts.core, parts.journal, parts.clock, hooks)
            sweep = Sweep(
                SweepParts(
                    removal=self._removal,
                    journal=parts.journal,
                    clock=parts.clock,
                    stale=lambda: self._stale(watch),
                    seen=self._seen,
                    removed=self._removed,
                    tried=self._tried,
                    is_there=lambda: watch.is_connected,
                )
            )
            for entry in self._record.all():
                watch.track(entry.id, is_alone=entry.id not in self._live)
            self._awake = _Awake(watch, sweep)
            watch.start()
        return self._awake

    def _removal(self) -> Removal:
        from greendock.docker.containers.removal import Removal
        from greendock.docker.engine.labelled import Labelled

        return Removal(Labelled(self._parts.engine()), self._parts.core, self._parts.clock)

    def _changed(self, generation: str) -> None:
        self._settling.look(generation)
        life = self._live.get(generation)
        for listener in tuple(life.listeners) if life is not None else ():
            try:
                listener()
            except Exception:
                _log.exception("news of the containers of generation %s got lost", generation[:12])

    def _looked(self) -> None:
        if not self._claims.is_decided and self._awake is not None:
            self._decide(self._awake.watch)
        self._put_in_order()

    def _decide(self, watch: ContainerWatch) -> None:
        left = self._claims.left
        failures = {entry.id: watch.state(entry.id).failures for entry in left}
        for generation in self._claims.decide(watch.all(), failures):
            self._live[generation] = _Life()
        for entry in left:
            if entry.id not in self._live:
                watch.forget(entry.id)
        crash_point("containers.decided")

    async def _is_decided_in_time(self) -> bool:
        changes = self._rouse().watch.changes
        return await changes.until(lambda: self._claims.is_decided, self._parts.engine_wait_s())

    def _put_in_order(self) -> None:
        if self._awake is not None and self._claims.is_decided:
            self._awake.sweep.kick()

    def _stale(self, watch: ContainerWatch) -> frozenset[str]:
        found = {container.owner.generation for container in watch.all()}
        return frozenset((found | set(self._owed())) - set(self._live) - set(self._ending))

    def _owed(self) -> list[str]:
        """Generations that are over and may have something on the engine."""
        return [
            entry.id
            for entry in self._record.all()
            if entry.is_used and entry.id not in self._live
        ]

    def _seen(self, generation: str) -> frozenset[str]:
        """What is known of it before its removal: whatever comes later isn't covered by that."""
        if self._awake is None:
            return frozenset()
        return frozenset(one.id for one in self._awake.watch.state(generation).containers)

    def _removed(self, generation: str, container_ids: frozenset[str]) -> None:
        self._record.remove(generation)
        self._settling.forget(generation)
        if self._awake is not None:
            self._awake.watch.are_gone(container_ids)
            self._awake.watch.forget(generation)

    def _tried(self) -> None:
        self._is_in_order = True
        if self._awake is not None:
            self._awake.watch.changes.ring()

    def _has_verdict(self, watch: ContainerWatch, failures: int) -> bool:
        """Whether a request is let through, or refused for what is wrong since it came."""
        if self._is_in_order:
            return True
        trouble = watch.trouble
        if trouble is None or watch.failures == failures:
            return False
        return not isinstance(trouble, EngineUnavailable) or not self._owed()

    def _living(self, generation: str) -> _Life:
        life = self._live.get(generation)
        if life is None:
            raise ContainerFailed(
                "cannot let a request through to the Docker engine: this life of the component "
                "is over"
            )
        return life

    # -- the end of a generation

    def _drop(self, *generations: str) -> None:
        """Adopted, and nobody takes them: they go before the next request is let through."""
        for generation in generations:
            self._live.pop(generation, None)
            self._record.end(generation)
        self._is_in_order = False
        self._put_in_order()

    async def _end(self, generation: str, *, has_grace: bool) -> None:
        self._live.pop(generation, None)
        self._settling.forget(generation)
        entry = self._record.get(generation)
        if entry is None or not entry.is_used:
            self._removed(generation, frozenset())
            return
        self._record.end(generation)
        crash_point("containers.before_stop")
        self._ending[generation] += 1
        seen = self._seen(generation)
        gone: frozenset[str] | None = None
        try:
            gone = await self._remove(generation, has_grace=has_grace)
        finally:
            self._ending.subtract((generation,))
            self._ending += Counter()  # takes off what is 0
            if gone is None and self._awake is not None:
                self._awake.watch.look_again()
        if gone is not None:
            self._removed(generation, gone | seen)
            self._put_in_order()

    async def _remove(self, generation: str, *, has_grace: bool) -> frozenset[str] | None:
        """None when something is left, which the sweep then removes."""
        try:
            if self.engine_is_lost:
                raise EngineUnavailable("cannot reach the Docker engine")
            return await self._removal().remove(frozenset({generation}), has_grace=has_grace)
        except DockerError as error:
            if not isinstance(error, ContainerFailed):
                self._is_in_order = False
            entry = self._record.get(generation)
            text = (
                f"containers of {entry.component if entry else generation[:12]} are not removed "
                f"yet, which is tried again: {error.explain()}"
            )
            self._parts.journal.write("WARN", "docker-containers-owed", text)
            return None
