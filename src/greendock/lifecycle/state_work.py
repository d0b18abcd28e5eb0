"""What a component does in each of its states; each handler gives the event that ends its state.

Knows nothing of who asks: requests have changed `desired` and rung. component.py goes from state
to state by what this gives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from greendock.lifecycle import states
from greendock.lifecycle.bell import Bell
from greendock.lifecycle.desired import Desired, event_for
from greendock.lifecycle.earlier_life import EarlierLife
from greendock.lifecycle.host import Host
from greendock.lifecycle.lifetime import Lifetime
from greendock.lifecycle.model import ComponentSpec, State
from greendock.lifecycle.running import Running
from greendock.lifecycle.scripts import Prepared, exited, has_scripts, timed_out
from greendock.lifecycle.states import Event
from greendock.lifecycle.status import EngineGoneError, Failure, Kind, StepError
from greendock.lifecycle.troubles import Troubles


class Neighbours(Protocol):
    """What a component asks and tells the others; the supervisor."""

    def dependencies_ready(self, name: str) -> bool: ...

    def changed(self, name: str) -> None:
        """The component is in another state."""

    def stirred(self, name: str) -> None:
        """Something of the component is new that is no state."""


class StateWork:
    """The part of a component that its task works with."""

    def __init__(self, spec: ComponentSpec, host: Host, neighbours: Neighbours) -> None:
        self.spec = spec
        self.state = State.NEW
        self.desired = Desired()
        self._host = host
        self._neighbours = neighbours
        self._lifetime = Lifetime(spec.name, host, lambda: self.state, self._stirred)
        self._earlier = EarlierLife(spec, host, self._lifetime)
        self._troubles = Troubles(spec.name, host)
        self._bell = Bell(host.clock)
        self._generation = 0
        self._reported: State | None = None
        self._stop_asked = False
        self._had_containers = False
        self._handlers: Mapping[State, Callable[[], Awaitable[Event]]] = {
            State.NEW: self._in_new,
            State.INSTALLED: self._in_installed,
            State.STARTING: self._in_starting,
            State.RUNNING: self._in_running,
            State.STOPPING: self._in_stopping,
            State.ERRORED: self._in_errored,
            State.BROKEN: self._in_broken,
            State.FINISHED: self._in_finished,
            State.UNINSTALLING: self._in_uninstalling,
        }

    def ring(self) -> None:
        """Make the task look again at what is desired and at its dependencies."""
        self._bell.ring()

    def close(self) -> None:
        """Let go of what outlives the task."""
        self._earlier.close()
        self._lifetime.close()

    def _stirred(self) -> None:
        self.ring()
        self._neighbours.stirred(self.spec.name)

    # States.

    async def _in_new(self) -> Event:
        self._generation += 1
        if not self._earlier.is_over:
            event = await self._take_over()
            if event is not None:
                return event
        if self._runs_nothing():
            return event_for(self.state, self.desired) or Event.INSTALL_DONE
        await self._lifetime.begin(self.spec, self._generation, "install")
        self._lifetime.lift_limits()
        prepared = self._lifetime.prepare("install", self.spec.steps.install)
        if prepared is None:
            return self._called_away() or Event.INSTALL_DONE
        return await self._foreground(prepared, Event.INSTALL_DONE)

    async def _in_installed(self) -> Event:
        engine = asyncio.ensure_future(self._engine_is_back())
        try:
            while (event := self._called_away()) is None:
                wait_s = self._troubles.wait_s
                is_time = wait_s <= 0 and engine.done()
                if is_time and self._neighbours.dependencies_ready(self.spec.name):
                    return Event.DEPENDENCIES_READY
                away = () if engine.done() else (engine,)
                await self._bell.wait(*away, at_most_s=wait_s if wait_s > 0 else None)
            return event
        finally:
            engine.cancel()

    async def _in_starting(self) -> Event:
        self._generation += 1
        steps, lifetime = self.spec.steps, self._lifetime
        if self._runs_nothing():
            await lifetime.serve(self.spec)
            return Event.STARTED if self.spec.resident else Event.NOTHING_TO_RUN
        step = "startup" if steps.startup is not None else "run"
        await lifetime.begin(self.spec, self._generation, step)
        lifetime.limit(self.spec.run_with.limits)
        lifetime.keep_shutdown(steps.shutdown)
        if lifetime.is_adopted:
            return Event.STARTED
        if (startup := lifetime.prepare("startup", steps.startup)) is not None:
            return await self._foreground(startup, Event.STARTED)
        if (run := lifetime.prepare("run", steps.run)) is None:
            return Event.NOTHING_TO_RUN
        lifetime.start(run)
        return Event.STARTED

    async def _in_running(self) -> Event:
        lifetime, bell = self._lifetime, self._bell
        async with lifetime.running(self.spec) as time:
            running = Running(self._host, lifetime, bell, self._called_away, time)
            try:
                return await running.stay(uses_docker=self.spec.uses_docker)
            finally:
                self._troubles.ran(time.ran_s)
                self._had_containers = bool(lifetime.containers.state.containers)

    async def _in_stopping(self) -> Event:
        await self._earlier.end(self.spec, self._generation)
        failure = await self._lifetime.shut_down()
        if failure is not None:
            return self._fail(failure)
        return event_for(self.state, self.desired) or Event.STOPPED

    async def _in_errored(self) -> Event:
        failed_in = self._troubles.failed_in
        await self._recover()
        if failed_in not in (State.NEW, State.STOPPING):
            return Event.CLEAN_UP
        await self._lifetime.end()
        if failed_in is State.STOPPING:
            return event_for(self.state, self.desired) or Event.STOPPED
        while self._is_wanted():
            wait_s = self._troubles.wait_s
            if wait_s <= 0:
                return Event.RETRY_INSTALL
            await self._bell.wait(at_most_s=wait_s)
        return Event.CLEAN_UP

    async def _in_broken(self) -> Event:
        await self._earlier.end(self.spec, self._generation)
        await self._lifetime.shut_down()
        self._neighbours.changed(self.spec.name)
        while (event := event_for(self.state, self.desired)) is None:
            await self._bell.wait()
        self._troubles.forget()
        return event

    async def _in_finished(self) -> Event:
        while (event := event_for(self.state, self.desired)) is None:
            await self._bell.wait()
            if self._stop_asked:
                await self._end_leftovers()
        # What an install left running stays until somebody asks for something.
        await self._end_leftovers()
        return event

    async def _in_uninstalling(self) -> Event:
        self._generation += 1
        failure = await self._lifetime.uninstall(self.spec, self._generation)
        if failure is not None:
            self._troubles.note(failure, self.state)
        self.close()
        return Event.UNINSTALLED

    # Parts of states.

    async def _take_over(self) -> Event | None:
        """What an earlier life of the core left; None: the component starts as any other.

        When it is called away, STOPPING does the rest.
        """
        answer = self._earlier.ask(self.spec)
        while not answer.done():
            if (event := self._called_away()) is not None:
                return event
            await self._bell.wait(answer)
        if not await self._earlier.take_over(self.spec, self._generation):
            return None
        return self._called_away() or Event.INSTALL_DONE

    async def _engine_is_back(self) -> None:
        """A start that needs the engine waits for one that was lost, but not for ever."""
        if self._lacks_engine and not self._lifetime.is_adopted:
            wait_s = self._host.settings.engine_wait_s
            await self._lifetime.containers.engine_is_back(wait_s)

    async def _has_lost_engine(self) -> bool:
        containers = self._lifetime.containers
        uses = self.spec.uses_docker or bool(containers.state.containers)
        return self._lacks_engine or (uses and await containers.look() is None)

    @property
    def _lacks_engine(self) -> bool:
        containers = self._lifetime.containers
        uses = self.spec.uses_docker or self._had_containers or bool(containers.state.containers)
        return uses and containers.engine_is_lost

    def _runs_nothing(self) -> bool:
        return self.spec.resident or not has_scripts(self.spec.steps)

    async def _foreground(self, prepared: Prepared, done: Event) -> Event:
        """Run install or startup to its end; what is asked for meanwhile calls away from it."""
        process = self._lifetime.start(prepared)
        was_lost = self._lifetime.containers.engine_is_lost
        async with self._bell.timer(prepared.timeout_s) as timer:
            while (event := self._called_away()) is None:
                if process.has_ended:
                    if process.exit.result() == 0:
                        self._lifetime.main = None
                        return done
                    error = exited(prepared.name, process.exit.result())
                    if not was_lost and await self._has_lost_engine():
                        reason = f"{error.message}: the Docker engine went away"
                        raise EngineGoneError(prepared.name, Kind.ERROR, reason)
                    raise error
                if timer.done():
                    raise timed_out(prepared)
                await self._bell.wait(timer, process.exit)
            return event

    def _called_away(self) -> Event | None:
        """What was reported or asked for and ends this state."""
        reported, self._reported = self._reported, None
        match reported:
            case State.ERRORED:
                return self._fail_by_default("the component reported an error")
            case State.RUNNING:
                return Event.STARTED
            case State.FINISHED:
                return Event.RUN_DONE
            case _:
                return event_for(self.state, self.desired) or self._leave_adopted()

    def _leave_adopted(self) -> Event | None:
        """Before its start an ordinary component has nothing to stop; an adopted one has."""
        waits = self.state in (State.NEW, State.INSTALLED) and self._lifetime.is_adopted
        return Event.STOP if waits and self.desired.via is not None else None

    async def _end_leftovers(self) -> None:
        if self._lifetime.has_begun:
            await self._lifetime.end()
        if self._stop_asked:
            self._stop_asked = False
            self._neighbours.changed(self.spec.name)

    async def _recover(self) -> None:
        """The recover script; a request to stop ends the wait for it."""
        step = self.spec.steps.recover
        if step is None or not self._is_wanted():
            return
        try:
            if self._troubles.failed_in is State.STOPPING:  # which has ended the life that failed
                await self._lifetime.begin(self.spec, self._generation, "recover")
            if (prepared := self._lifetime.prepare("recover", step)) is None:
                return
            await self._lifetime.run_while(prepared, self._bell, self._is_wanted)
        except StepError as error:
            self._troubles.note(error.failure, self.state)

    def _is_wanted(self) -> bool:
        return self.desired.end is State.RUNNING

    def _fail(self, failure: Failure) -> Event:
        return self._troubles.record(failure, self.state, self.spec.steps.error_reset_s)

    def _fail_by_default(self, reason: str) -> Event:
        return self._fail(Failure(states.default_status_code(self.state), reason))
