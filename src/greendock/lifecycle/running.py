"""One stay in RUNNING: by the main script, then, where it left some, by its containers alone.

Finds out how the stay ends and raises or returns that; state_work.py calls it. What states of
containers mean is in carrying.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from greendock.base.crash_points import crash_point
from greendock.docker.containers.model import GenerationState
from greendock.lifecycle.bell import Bell
from greendock.lifecycle.carrying import (
    Losses,
    seen_by_script,
    why_failed,
    why_unhealthy,
)
from greendock.lifecycle.countdown import Countdown
from greendock.lifecycle.host import Host
from greendock.lifecycle.lifetime import Lifetime, Main
from greendock.lifecycle.scripts import exited, overran
from greendock.lifecycle.states import Event
from greendock.lifecycle.status import EngineGoneError, Kind, StepError

T = TypeVar("T")

SHORTLY_S = 10.0
"""A script that ends this long after the engine was lost ended because of that."""

_PAUSE_S = 0.5


class CalledAwayError(Exception):
    """Not an error: something was asked or reported that ends the state by `event`."""

    def __init__(self, event: Event) -> None:
        super().__init__(event)
        self.event = event


class Running:
    """One stay. `called_away`: what ends the state from outside; looked at when `bell` rings."""

    def __init__(
        self,
        host: Host,
        lifetime: Lifetime,
        bell: Bell,
        called_away: Callable[[], Event | None],
        time: Countdown,
    ) -> None:
        self._host = host
        self._lifetime = lifetime
        self._containers = lifetime.containers
        self._bell = bell
        self._called_away = called_away
        self._time = time
        self._lost_at: float | None = None
        self._losses = Losses()

    async def stay(self, *, uses_docker: bool) -> Event:
        """Until it is over. Raises StepError for an error of the component."""
        main = self._lifetime.main
        try:
            if self._lifetime.is_adopted:
                return await self._be_carried(frozenset())
            if main is None:
                return await self._after_startup()
            return await self._by_script(main, uses_docker)
        except CalledAwayError as called:
            return called.event
        finally:
            self._lifetime.is_carried = False

    # By a script.

    async def _by_script(self, main: Main, uses_docker: bool) -> Event:
        self._containers.runs(main.prepared.step)
        while True:
            self._hear()
            if main.process.has_ended:
                break
            self._check()
            await self._wait(main.process.exit)
        self._lifetime.main = None
        status = main.process.exit.result()
        if status != 0:
            error = exited(main.prepared.name, status)
            if not await self._is_engines_fault(uses_docker):
                raise error
            return await self._without_engine(error)
        # A startup that went on after the component had reported RUNNING may end; run may not.
        return await (self._after_run() if main.is_run else self._after_startup())

    async def _is_engines_fault(self, uses_docker: bool) -> bool:
        """Docker's clients fail when the engine goes away, and are quicker to know."""
        if not (uses_docker or self._had_lately):
            return False
        return self._was_lost_lately or await self._look() is None

    async def _after_run(self) -> Event:
        state = await self._look()
        if state is None:
            if not self._had_lately:
                return Event.RUN_DONE
            # An engine that shuts down stops containers in order; their scripts end with 0.
            return await self._without_engine(_engine_gone())
        if self._was_lost_lately and self._losses.missing(state, self._now() - SHORTLY_S):
            raise _engine_gone()
        seen = seen_by_script(state)
        if not state.alive and why_failed(state, seen) is None:
            return Event.RUN_DONE
        return await self._be_carried(seen)

    async def _after_startup(self) -> Event:
        state = await self._look() or self._containers.state
        seen = seen_by_script(state)
        if state.alive or why_failed(state, seen) is not None:
            event = await self._be_carried(seen, alone=not self._lifetime.has_processes)
            if not self._lifetime.has_processes:
                return event
        self._lifetime.is_carried = False
        while True:
            self._hear()
            self._check()
            await self._wait()

    async def _without_engine(self, otherwise: StepError) -> Event:
        """Wait for it; containers that it still runs go on, if they may."""
        since = self._now() - SHORTLY_S
        end = self._now() + self._host.settings.engine_wait_s
        # It may be away for the script already, and for the watch not yet.
        while (state := await self._back_by(end, otherwise)) is None:
            await self._wait(at_most_s=_PAUSE_S)
        if not state.alive or not self._containers.can_carry:
            raise _engine_gone()
        if self._losses.missing(state, since):
            raise _engine_gone()
        return await self._be_carried(seen_by_script(state))

    async def _back_by(self, end: float, otherwise: StepError) -> GenerationState | None:
        """What the engine says once it is back; None when it could not be asked after all."""
        left_s = max(0.0, end - self._now())
        if not await self._during(self._containers.engine_is_back(left_s)):
            raise otherwise
        state = await self._look()
        if state is None and self._now() >= end:
            raise otherwise
        return state

    # By containers alone.

    async def _be_carried(self, seen: frozenset[str], *, alone: bool = True) -> Event:
        """`alone`: nothing else of the component runs; a later core may take it over then."""
        if alone:
            self._containers.runs(None)
        self._lifetime.is_carried = True
        crash_point("life.carried")
        while True:
            self._hear()
            if self._is_lost:
                await self._outlast_engine()
            self._check()
            if not _carries(self._containers.state, seen):
                # The end of the engine ends containers as well: whether it can be asked decides.
                state = await self._look()
                if state is None:
                    await self._outlast_engine()
                elif not _carries(state, seen):
                    if (reason := why_failed(state, seen)) is not None:
                        raise StepError("run", Kind.ERROR, reason)
                    return Event.RUN_DONE
            await self._wait()

    async def _outlast_engine(self) -> None:
        """Wait until the engine is back, however long; nothing could be done without it.

        Raises EngineGoneError when it took a container with it.
        """
        since = self._now() - SHORTLY_S
        while True:
            wait_s = self._host.settings.engine_wait_s
            if await self._during(self._containers.engine_is_back(wait_s)):
                state = await self._look()
                if state is not None:
                    break
            self._hear()
            await self._wait(at_most_s=_PAUSE_S)
        if self._losses.missing(state, since):
            raise _engine_gone()

    # Parts.

    def _now(self) -> float:
        return self._host.clock.monotonic()

    @property
    def _is_lost(self) -> bool:
        return self._containers.engine_is_lost or not self._containers.state.is_known

    @property
    def _was_lost_lately(self) -> bool:
        if self._is_lost:
            return True
        return self._lost_at is not None and self._now() - self._lost_at <= SHORTLY_S

    @property
    def _had_lately(self) -> bool:
        """Whether it has containers, or had some that ran until now (`--rm`)."""
        gone = self._losses.missing(GenerationState(), self._now() - SHORTLY_S)
        return bool(self._containers.state.containers or gone)

    def _hear(self) -> None:
        if self._is_lost:
            self._lost_at = self._now()
        self._losses.see(self._containers.state, self._now())
        event = self._called_away()
        if event is not None:
            raise CalledAwayError(event)

    def _check(self) -> None:
        """Raises StepError for what is wrong whoever carries the component."""
        if self._time.over.done():
            raise overran("run", self._time.limit_s)
        state = self._containers.state
        reason = why_unhealthy(state) if state.is_known else None
        if reason is not None:
            raise StepError("run", Kind.ERROR, reason)

    async def _wait(self, *futures: asyncio.Future[Any], at_most_s: float | None = None) -> None:
        await self._bell.wait(self._time.over, *futures, at_most_s=at_most_s)

    async def _look(self) -> GenerationState | None:
        return await self._during(self._containers.look())

    async def _during(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it, unless called away meanwhile."""
        task = asyncio.ensure_future(work)
        try:
            while True:
                self._hear()
                if task.done():
                    return task.result()
                if self._time.over.done():
                    raise overran("run", self._time.limit_s)
                await self._wait(task)
        finally:
            task.cancel()


def _carries(state: GenerationState, seen: frozenset[str]) -> bool:
    return bool(state.alive) and why_failed(state, seen) is None


def _engine_gone() -> EngineGoneError:
    reason = "the Docker engine went away, and what the component ran in containers with it"
    return EngineGoneError("run", Kind.ERROR, reason)
