"""One component: its task goes from state to state, runs its scripts, and hears requests.

The tables decide (states.py, desired.py, restart.py, order.py); this file does. Requests only
change what is desired and ring; the task looks at a place where it may be called away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from greendock.lifecycle import restart, states
from greendock.lifecycle.change import limits_changed
from greendock.lifecycle.desired import Desired, Request, event_for
from greendock.lifecycle.host import Host
from greendock.lifecycle.model import ComponentSpec, ComponentStateChanged, ComponentView, State
from greendock.lifecycle.order import is_ready
from greendock.lifecycle.process import ScriptProcess
from greendock.lifecycle.restart import Tally
from greendock.lifecycle.scripts import Life, Prepared, Scripts, exited, timed_out
from greendock.lifecycle.states import Event
from greendock.lifecycle.status import NO_STATUS, Failure, StepError
from greendock.recipe.model import Step, Steps

_log = logging.getLogger("greendock.lifecycle")

_FAILURES = frozenset({Event.FAILED, Event.FAILED_FOR_GOOD})
_AGAIN = frozenset({Event.RETRY_INSTALL, Event.START_AGAIN, Event.REINSTALL})
_DONE_BY_ITSELF = frozenset({Event.RUN_DONE, Event.NOTHING_TO_RUN})
_NO_FAILURE = Failure(NO_STATUS, "")


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
        self.failure = _NO_FAILURE
        self._pending: ComponentSpec | None = None
        self._host = host
        self._neighbours = neighbours
        self._scripts = Scripts(spec.name, host, lambda: self.state)
        self._wake = asyncio.Event()
        self._generation = 0
        self._life: Life | None = None
        self._main: tuple[Prepared, ScriptProcess] | None = None
        self._shutdown: Prepared | None = None
        self._reported: State | None = None
        self._tally = Tally()
        self._retry_at = 0.0
        self._running_since = 0.0
        self._failed_in: State | None = None
        self._stopping_after_error = False
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
        return self.state in states.AT_REST and event_for(self.state, self.desired) is None

    def view(self) -> ComponentView:
        main = self._main
        return ComponentView(
            name=self.name,
            version=self.spec.version,
            state=self.state,
            status_code=self.failure.code,
            status_reason=self.failure.reason,
            configuration=self.latest_spec.configuration,
            restarts=self._restarts,
            pid=None if main is None or main[1].has_ended else main[1].pid,
        )

    # What others ask.

    def ask(self, request: Request) -> None:
        """Take in a request; returns at once."""
        if self.state is State.BROKEN and request is Request.RESTART:
            request = Request.REINSTALL
        self.desired = self.desired.after(request)
        if request in (Request.RESTART, Request.REINSTALL):
            self._retry_at = 0.0
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
            self._scripts.limit(spec.run_with.limits)
        if request is not None:
            self._tally = Tally()
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
        self._wake.set()

    def kill_now(self) -> None:
        """End its processes at once; for a core that has run out of time."""
        self._scripts.kill_now()

    def close(self) -> None:
        """Let go of what outlives the task: the control group and the log file."""
        self._scripts.remove()
        self._host.logs.get(self.name).close()

    # The task.

    async def live(self) -> None:
        """Go from state to state until UNINSTALLED."""
        while self.state is not State.UNINSTALLED:
            try:
                event = await self._handlers[self.state]()
            except StepError as error:
                event = self._fail(error.failure)
            except Exception as error:
                if self.state not in (State.NEW, State.STARTING, State.RUNNING, State.STOPPING):
                    raise
                _log.exception("unexpected error while %s was %s", self.name, self.state)
                code = states.default_status_code(self.state)
                event = self._fail(Failure(code, f"unexpected error: {error!r}"))
            self._move(event)

    def _move(self, event: Event) -> None:
        old, self.state = self.state, states.next_state(self.state, event)
        self._reported = None
        if event not in _FAILURES:
            self._tally = restart.left(self._tally, old)
        if event in _DONE_BY_ITSELF and self.desired == Desired(State.RUNNING):
            self.desired = Desired(State.FINISHED)
        if event in _AGAIN:
            self._restarts += 1
        if self.state is State.STOPPING:
            self._stopping_after_error = old is State.ERRORED
        elif self.state is State.NEW:
            self._adopt()
            self.desired = self.desired.entered(State.NEW)
        elif self.state is State.INSTALLED:
            self._enter_installed()
        elif self.state in (State.RUNNING, State.FINISHED):
            self.failure = _NO_FAILURE
        self._publish(old)
        self._neighbours.changed(self)

    def _enter_installed(self) -> None:
        if self.desired.via is not State.NEW:
            self._adopt()
        self.desired = self.desired.entered(State.INSTALLED)

    def _adopt(self) -> None:
        if self._pending is not None:
            self.spec, self._pending = self._pending, None

    def _publish(self, old: State) -> None:
        self._host.bus.publish(
            ComponentStateChanged(
                component=self.name,
                version=self.spec.version,
                old=old,
                new=self.state,
                status_code=self.failure.code,
                status_reason=self.failure.reason,
                at=self._host.clock.now(),
            )
        )
        _log.info(
            "service-set-state",
            extra={
                "contexts": {
                    "serviceName": self.name,
                    "currentState": old,
                    "newState": self.state,
                }
            },
        )

    # States.

    async def _in_new(self) -> Event:
        self._generation += 1
        if self.spec.resident or not _has_scripts(self.spec.steps):
            return event_for(self.state, self.desired) or Event.INSTALL_DONE
        life = await self._begin("install")
        self._scripts.limit(None)
        step = self.spec.steps.install
        prepared = None if step is None else self._scripts.prepare(life, "install", step)
        if prepared is None:
            return self._called_away() or Event.INSTALL_DONE
        return await self._foreground(prepared, Event.INSTALL_DONE)

    async def _in_installed(self) -> Event:
        while (event := self._called_away()) is None:
            left_s = self._retry_at - self._host.clock.monotonic()
            if left_s <= 0 and self._neighbours.dependencies_ready(self):
                return Event.DEPENDENCIES_READY
            await self._pause(left_s if left_s > 0 else None)
        return event

    async def _in_starting(self) -> Event:
        self._generation += 1
        steps = self.spec.steps
        if self.spec.resident:
            return Event.STARTED
        if not _has_scripts(steps):
            return Event.NOTHING_TO_RUN
        life = await self._begin("startup" if steps.startup is not None else "run")
        self._scripts.limit(self.spec.run_with.limits)
        # Kept from now on: an upgrade stops the old version with the old version's own script.
        self._shutdown = self._prepare(life, "shutdown", steps.shutdown)
        startup = self._prepare(life, "startup", steps.startup)
        if startup is not None:
            return await self._foreground(startup, Event.STARTED)
        run = self._prepare(life, "run", steps.run)
        if run is None:
            return Event.NOTHING_TO_RUN
        self._main = (run, self._scripts.start(run))
        return Event.STARTED

    async def _in_running(self) -> Event:
        self._running_since = self._host.clock.monotonic()
        try:
            async with self._timer(None if self._main is None else self._main[0]) as timer:
                while (event := self._called_away() or self._main_ended()) is None:
                    if timer.done() and self._main is not None:
                        raise timed_out(self._main[0])
                    await self._pause(None, timer, *self._main_exit())
                return event
        finally:
            lasted_s = self._host.clock.monotonic() - self._running_since
            longest_s = self._host.settings.backoff_s[1]
            self._tally = restart.ran(self._tally, lasted_s, longest_s)

    async def _in_stopping(self) -> Event:
        failure = await self._shut_down()
        if failure is not None:
            return self._fail(failure)
        return event_for(self.state, self.desired) or Event.STOPPED

    async def _in_errored(self) -> Event:
        if self.desired.end is State.RUNNING:
            await self._recover()
        if self._failed_in is State.STOPPING:
            return event_for(self.state, self.desired) or Event.STOPPED
        if self._failed_in is not State.NEW:
            return Event.CLEAN_UP
        await self._end_life()
        while self.desired.end is State.RUNNING:
            left_s = self._retry_at - self._host.clock.monotonic()
            if left_s <= 0:
                return Event.RETRY_INSTALL
            await self._pause(left_s)
        return Event.CLEAN_UP

    async def _in_broken(self) -> Event:
        if self._failed_in is State.NEW:
            await self._end_life()
        else:
            await self._shut_down()
        while (event := event_for(self.state, self.desired)) is None:
            await self._pause(None)
        self._tally, self._retry_at = Tally(), 0.0
        return event

    async def _in_finished(self) -> Event:
        # What an install left running stays until somebody asks for something.
        while (event := event_for(self.state, self.desired)) is None:
            await self._pause(None)
            if self._life is not None:
                await self._end_life()
        return event

    async def _in_uninstalling(self) -> Event:
        await self._end_life()
        step = self.spec.steps.uninstall
        if step is not None:
            extra = {"GREENGRASS_COMPONENT_VERSION": self.spec.version}
            try:
                life = await self._begin("uninstall")
                prepared = self._scripts.prepare(life, "uninstall", step, extra)
                if prepared is not None:
                    await self._scripts.run(prepared)
            except StepError as error:
                self._note(error.failure)
            await self._end_life()
        self.close()
        return Event.UNINSTALLED

    # Parts of states.

    async def _begin(self, step: str) -> Life:
        """The present life, or a new one."""
        if self._life is None:
            self._life = await self._scripts.begin(self.spec, self._generation, step)
        elif self._life.spec is not self.spec:
            self._life = Life(
                self.spec,
                self._life.account,
                self._life.token,
                self._life.generation,
                self._life.work_folder,
            )
        return self._life

    def _prepare(self, life: Life, name: str, step: Step | None) -> Prepared | None:
        return None if step is None else self._scripts.prepare(life, name, step)

    async def _foreground(self, prepared: Prepared, done: Event) -> Event:
        """Run install or startup to its end; what is asked for meanwhile calls away from it."""
        started = self._scripts.start(prepared)
        if self.state is State.STARTING:
            self._main = (prepared, started)
        async with self._timer(prepared) as timer:
            while (event := self._called_away()) is None:
                if started.has_ended:
                    if started.exit.result() == 0:
                        self._main = None
                        return done
                    raise exited(prepared.name, started.exit.result())
                if timer.done():
                    raise timed_out(prepared)
                await self._pause(None, timer, started.exit)
            return event

    def _called_away(self) -> Event | None:
        """What was reported or asked for and ends this state."""
        reported, self._reported = self._reported, None
        match reported:
            case State.ERRORED:
                code = states.default_status_code(self.state)
                return self._fail(Failure(code, "the component reported an error"))
            case State.RUNNING:
                return Event.STARTED
            case State.FINISHED:
                return Event.RUN_DONE
            case _:
                return event_for(self.state, self.desired)

    def _main_ended(self) -> Event | None:
        if self._main is None or not self._main[1].has_ended:
            return None
        prepared, started = self._main
        self._main = None
        status = started.exit.result()
        if status != 0:
            raise exited(prepared.name, status)
        # A startup that went on after the component had reported RUNNING may end; run may not.
        return Event.RUN_DONE if prepared.name == "run" else None

    def _main_exit(self) -> tuple[asyncio.Future[int], ...]:
        return () if self._main is None else (self._main[1].exit,)

    async def _shut_down(self) -> Failure | None:
        """The shutdown script kept at the start, then the end of all processes."""
        failure: Failure | None = None
        if self._shutdown is not None:
            try:
                await self._scripts.run(self._shutdown)
            except StepError as error:
                failure = error.failure
        await self._end_life()
        return failure

    async def _end_life(self) -> None:
        await self._scripts.end(None if self._main is None else self._main[1].pid)
        self._main = None
        self._shutdown = None
        life, self._life = self._life, None
        if life is not None:
            self._host.identities.revoke(self.name, life.generation)

    async def _recover(self) -> None:
        """The recover script; being called away ends the wait for it."""
        step = self.spec.steps.recover
        if step is None or self._life is None or self._failed_in is State.STOPPING:
            return
        try:
            prepared = self._scripts.prepare(self._life, "recover", step)
            if prepared is None:
                return
            work = asyncio.ensure_future(self._scripts.run(prepared))
            try:
                while not work.done() and self.desired.end is State.RUNNING:
                    await self._pause(None, work)
                if work.done():
                    work.result()
            finally:
                work.cancel()
        except StepError as error:
            self._note(error.failure)

    def _fail(self, failure: Failure) -> Event:
        """Record an error of the present state; says whether it was one too many."""
        self.failure = failure
        self._failed_in = self.state
        self._note(failure)
        clock, spec = self._host.clock, self.spec
        now = clock.monotonic()
        self._tally = restart.record(self._tally, self.state, now, spec.steps.error_reset_s)
        if self._tally.is_broken(self.state):
            return Event.FAILED_FOR_GOOD
        if self.state in restart.COUNTED:
            first_s, longest_s = self._host.settings.backoff_s
            jitter = self._host.jitter()
            self._retry_at = now + restart.delay_s(self._tally, first_s, longest_s, jitter)
        return Event.FAILED

    def _note(self, failure: Failure) -> None:
        self._host.logs.get(self.name).write(
            "ERROR",
            "service-errored",
            failure.reason,
            serviceName=self.name,
            currentState=self.state,
            statusCode=failure.code,
        )
        _log.error("%s: %s: %s", self.name, failure.code, failure.reason)

    # Waiting.

    @contextlib.asynccontextmanager
    async def _timer(self, prepared: Prepared | None):  # type: ignore[no-untyped-def]
        """A future that is done when the time of `prepared` is up; never, without a limit."""
        limit_s = None if prepared is None else prepared.timeout_s
        loop = asyncio.get_running_loop()
        timer: asyncio.Future[None] = (
            loop.create_future()
            if limit_s is None
            else asyncio.ensure_future(self._host.clock.sleep(limit_s))
        )
        try:
            yield timer
        finally:
            timer.cancel()

    async def _pause(self, at_most_s: float | None, *futures: asyncio.Future[object]) -> None:
        """Wait for a ring, for one of `futures`, or for the time to pass."""
        waited = list(futures)
        timer: asyncio.Future[None] | None = None
        if at_most_s is not None:
            timer = asyncio.ensure_future(self._host.clock.sleep(at_most_s))
            waited.append(timer)
        for future in waited:
            future.add_done_callback(self._ring_by)
        try:
            await self._wake.wait()
        finally:
            self._wake.clear()
            for future in waited:
                future.remove_done_callback(self._ring_by)
            if timer is not None:
                timer.cancel()

    def _ring_by(self, _: asyncio.Future[object]) -> None:
        self._wake.set()


def _has_scripts(steps: Steps) -> bool:
    return any((steps.install, steps.startup, steps.run, steps.shutdown, steps.uninstall))
