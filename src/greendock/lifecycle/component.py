"""One component: its task goes from state to state, runs its scripts, and hears requests.

The tables decide (states.py, desired.py, restart.py, order.py); this file does. Requests only
change what is desired and ring; the task looks at a place where it may be called away.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from greendock.lifecycle import states
from greendock.lifecycle.bell import Bell
from greendock.lifecycle.change import limits_changed
from greendock.lifecycle.desired import Desired, Request, event_for
from greendock.lifecycle.host import Host
from greendock.lifecycle.lifetime import Lifetime
from greendock.lifecycle.model import ComponentSpec, ComponentView, State
from greendock.lifecycle.news import announce
from greendock.lifecycle.order import is_ready
from greendock.lifecycle.pausing import Pausing
from greendock.lifecycle.scripts import Prepared, exited, has_scripts, timed_out
from greendock.lifecycle.states import Event
from greendock.lifecycle.status import Failure, StepError
from greendock.lifecycle.troubles import Troubles

_log = logging.getLogger("greendock.lifecycle")

_FAILURES = frozenset({Event.FAILED, Event.FAILED_FOR_GOOD})
_AGAIN = frozenset({Event.RETRY_INSTALL, Event.START_AGAIN, Event.REINSTALL})
_DONE_BY_ITSELF = frozenset({Event.RUN_DONE, Event.NOTHING_TO_RUN})


class Neighbours(Protocol):
    """What a component asks and tells the others; the supervisor."""

    def dependencies_ready(self, component: Component) -> bool: ...

    def changed(self, component: Component) -> None:
        """The component is in another state."""


class Component:
    """Runs one component until it is uninstalled or its task is cancelled."""

    def __init__(self, spec: ComponentSpec, host: Host, neighbours: Neighbours) -> None:
        self.spec = spec
        self.state = State.NEW
        self.desired = Desired()
        self._pending: ComponentSpec | None = None
        self._host = host
        self._neighbours = neighbours
        self._lifetime = Lifetime(spec.name, host, lambda: self.state)
        self._troubles = Troubles(spec.name, host)
        self._bell = Bell(host.clock)
        self._generation = 0
        self._reported: State | None = None
        self._stopping_after_error = False
        self._stop_asked = False
        self._restarts = 0
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

    # What others see.

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def latest_spec(self) -> ComponentSpec:
        """What it runs by, or is going to."""
        return self._pending or self.spec

    @property
    def is_ready(self) -> bool:
        """Whether those that depend on it HARD may run."""
        return is_ready(self.state, self._stopping_after_error)

    @property
    def is_settled(self) -> bool:
        """Whether it is where it should be, or BROKEN with nothing asked that could mend it."""
        if self.state is State.BROKEN:
            return event_for(self.state, self.desired) is None
        return self.desired.reached(self.state)

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing of it runs and nothing is going to by itself."""
        if self.state not in states.AT_REST or self._stop_asked:
            return False
        cleaning = self.state is State.BROKEN and self._lifetime.has_begun
        return not cleaning and event_for(self.state, self.desired) is None

    def view(self) -> ComponentView:
        return ComponentView(
            name=self.name,
            version=self.spec.version,
            state=self.state,
            status_code=self._troubles.status.code,
            status_reason=self._troubles.status.reason,
            configuration=self.latest_spec.configuration,
            restarts=self._restarts,
            pid=self._lifetime.pid,
            is_paused=self._lifetime.pausing.is_paused,
        )

    # What others ask.

    def ask(self, request: Request) -> None:
        """Take in a request; returns at once."""
        if self.state is State.BROKEN and request is Request.RESTART:
            request = Request.REINSTALL
        self.desired = self.desired.after(request)
        if request in (Request.RESTART, Request.REINSTALL):
            self._troubles.try_now()
        resting = self.state is State.FINISHED and self._lifetime.has_begun
        self._stop_asked = resting and request is Request.STOP
        if self.state is State.INSTALLED:
            self._enter_installed()
        self.ring()

    def use(self, spec: ComponentSpec, request: Request | None) -> None:
        """Run by `spec` from the next start (`request`), or just note it (None)."""
        new_limits = limits_changed(self.latest_spec, spec)
        if request is None and self._pending is None:
            self.spec = spec
        else:
            self._pending = spec
        if new_limits and request is None and self.state in (State.STARTING, State.RUNNING):
            self._lifetime.limit(spec.run_with.limits)
        if request is not None:
            self._troubles.forget()
            self.ask(request)

    def report(self, reported: State) -> None:
        """What the component says of itself, by IPC. What may not be said now is dropped."""
        if not states.may_report(self.state, reported):
            _log.warning("%s reported %s while %s: ignored", self.name, reported, self.state)
            return
        self._reported = reported
        self.ring()

    def ring(self) -> None:
        """Make the task look again at what is desired and at its dependencies."""
        self._bell.ring()

    @property
    def pausing(self) -> Pausing:
        return self._lifetime.pausing

    async def kill(self) -> None:
        """End its processes without any grace; for a core that has run out of time."""
        await self._lifetime.kill()

    def close(self) -> None:
        """Let go of what outlives the task."""
        self._lifetime.close()

    # The task.

    async def live(self) -> None:
        """Go from state to state until UNINSTALLED."""
        while self.state is not State.UNINSTALLED:
            try:
                event = await self._handlers[self.state]()
            except StepError as error:
                event = self._fail(error.failure)
            except Exception as error:
                _log.exception("unexpected error while %s was %s", self.name, self.state)
                if self.state is State.UNINSTALLING:
                    event = Event.UNINSTALLED
                elif self.state in states.REPORTABLE:
                    event = self._fail_by_default(f"unexpected error: {error!r}")
                else:
                    raise
            self._move(event)

    def _move(self, event: Event) -> None:
        old, self.state = self.state, states.next_state(self.state, event)
        self._reported = None
        if event not in _FAILURES:
            self._troubles.left(old)
        if event in _DONE_BY_ITSELF and self.desired == Desired(State.RUNNING):
            self.desired = Desired(State.FINISHED)
        self._restarts += event in _AGAIN
        self._enter(old)
        self._tell(old)

    def _enter(self, old: State) -> None:
        match self.state:
            case State.STOPPING:
                self._stopping_after_error = old is State.ERRORED
            case State.NEW:
                self._adopt()
                self.desired = self.desired.entered(State.NEW)
            case State.INSTALLED:
                self._enter_installed()
            case State.RUNNING | State.FINISHED:
                self._troubles.passed()
            case _:
                pass

    def _enter_installed(self) -> None:
        # A spec that asks for a reinstall waits for NEW.
        if self.desired.via is not State.NEW:
            self._adopt()
        self.desired = self.desired.entered(State.INSTALLED)

    def _adopt(self) -> None:
        if self._pending is not None:
            self.spec, self._pending = self._pending, None

    def _tell(self, old: State) -> None:
        announce(self._host, self.spec, old, self.state, self._troubles.status)
        self._neighbours.changed(self)

    # States. Each handler gives the event that ends its state.

    async def _in_new(self) -> Event:
        self._generation += 1
        if self._runs_nothing():
            return event_for(self.state, self.desired) or Event.INSTALL_DONE
        await self._lifetime.begin(self.spec, self._generation, "install")
        self._lifetime.lift_limits()
        prepared = self._lifetime.prepare("install", self.spec.steps.install)
        if prepared is None:
            return self._called_away() or Event.INSTALL_DONE
        return await self._foreground(prepared, Event.INSTALL_DONE)

    async def _in_installed(self) -> Event:
        while (event := self._called_away()) is None:
            wait_s = self._troubles.wait_s
            if wait_s <= 0 and self._neighbours.dependencies_ready(self):
                return Event.DEPENDENCIES_READY
            await self._bell.wait(at_most_s=wait_s if wait_s > 0 else None)
        return event

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
        if (startup := lifetime.prepare("startup", steps.startup)) is not None:
            return await self._foreground(startup, Event.STARTED)
        if (run := lifetime.prepare("run", steps.run)) is None:
            return Event.NOTHING_TO_RUN
        lifetime.start(run)
        return Event.STARTED

    async def _in_running(self) -> Event:
        main = self._lifetime.main
        async with self._lifetime.running(self.spec) as time:
            try:
                while (event := self._called_away() or self._main_ended()) is None:
                    if time.over.done() and main is not None:
                        raise timed_out(main.prepared)
                    both = (time.over, main.process.exit) if self._lifetime.main and main else ()
                    await self._bell.wait(*both)
                return event
            finally:
                self._troubles.ran(time.ran_s)

    async def _in_stopping(self) -> Event:
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
        await self._lifetime.shut_down()
        self._neighbours.changed(self)
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

    def _runs_nothing(self) -> bool:
        return self.spec.resident or not has_scripts(self.spec.steps)

    async def _foreground(self, prepared: Prepared, done: Event) -> Event:
        """Run install or startup to its end; what is asked for meanwhile calls away from it."""
        process = self._lifetime.start(prepared)
        async with self._bell.timer(prepared.timeout_s) as timer:
            while (event := self._called_away()) is None:
                if process.has_ended:
                    if process.exit.result() == 0:
                        self._lifetime.main = None
                        return done
                    raise exited(prepared.name, process.exit.result())
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
                return event_for(self.state, self.desired)

    def _main_ended(self) -> Event | None:
        main = self._lifetime.main
        if main is None or not main.process.has_ended:
            return None
        self._lifetime.main = None
        status = main.process.exit.result()
        if status != 0:
            raise exited(main.prepared.name, status)
        # A startup that went on after the component had reported RUNNING may end; run may not.
        return Event.RUN_DONE if main.is_run else None

    async def _end_leftovers(self) -> None:
        if self._lifetime.has_begun:
            await self._lifetime.end()
        if self._stop_asked:
            self._stop_asked = False
            self._neighbours.changed(self)

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
