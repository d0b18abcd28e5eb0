"""One component: its task goes from state to state, runs its scripts, and hears requests.

The tables decide (states.py, desired.py, restart.py, order.py); this file does. Requests only
change what is desired and ring; the task looks at a place where it may be called away.
"""

from __future__ import annotations

import logging

from greendock.docker.containers.model import GenerationState
from greendock.lifecycle import states
from greendock.lifecycle.change import limits_changed
from greendock.lifecycle.desired import Desired, Request, event_for
from greendock.lifecycle.host import Host
from greendock.lifecycle.model import ComponentSpec, ComponentView, State
from greendock.lifecycle.news import announce
from greendock.lifecycle.order import is_ready
from greendock.lifecycle.pausing import Pausing
from greendock.lifecycle.state_work import Neighbours, StateWork
from greendock.lifecycle.states import Event
from greendock.lifecycle.status import StepError

_log = logging.getLogger("greendock.lifecycle")

_FAILURES = frozenset({Event.FAILED, Event.FAILED_FOR_GOOD})
_AGAIN = frozenset({Event.RETRY_INSTALL, Event.START_AGAIN, Event.REINSTALL})
_DONE_BY_ITSELF = frozenset({Event.RUN_DONE, Event.NOTHING_TO_RUN})


class Component(StateWork):
    """Runs one component until it is uninstalled or its task is cancelled."""

    def __init__(self, spec: ComponentSpec, host: Host, neighbours: Neighbours) -> None:
        super().__init__(spec, host, neighbours)
        self._pending: ComponentSpec | None = None
        self._stopping_after_error = False
        self.soak = ""
        self.running_since: float | None = None
        self._restarts = 0

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

    @property
    def is_leaving_life(self) -> bool:
        """Whether what runs of it is about to end, whatever comes then."""
        if self.state in (State.STOPPING, State.ERRORED, State.BROKEN) or self._stop_asked:
            return True
        return event_for(self.state, self.desired) is not None

    @property
    def life(self) -> int | None:
        """A number for what runs of it, until all of that is gone; None when nothing does."""
        return self._lifetime.generation

    @property
    def containers(self) -> GenerationState:
        """Those of its present life, as far as they are known."""
        return self._lifetime.containers.state

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
            is_adopted=self._lifetime.is_adopted,
            is_carried=self._lifetime.is_carried,
            soak=self.soak,
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
        if self.state is State.INSTALLED and not self._lifetime.is_adopted:
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
        else:
            self.ring()  # It may wait for a dependency that it does not have any more.

    def report(self, reported: State) -> None:
        """What the component says of itself, by IPC. What may not be said now is dropped."""
        if not states.may_report(self.state, reported):
            _log.warning("%s reported %s while %s: ignored", self.name, reported, self.state)
            return
        self._reported = reported
        self.ring()

    @property
    def pausing(self) -> Pausing:
        return self._lifetime.pausing

    async def kill(self) -> None:
        """End its processes without any grace; for a core that has run out of time."""
        await self._lifetime.kill()

    # The task.

    async def live(self) -> None:
        """Go from state to state until UNINSTALLED."""
        while self.state is not State.UNINSTALLED:
            try:
                event = await self._handlers[self.state]()
            except StepError as error:
                if error.is_counted:
                    event = self._fail(error.failure)
                else:
                    event = self._troubles.excuse(error.failure, self.state)
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
        is_running = self.state is State.RUNNING
        self.running_since = self._host.clock.monotonic() if is_running else None
        match self.state:
            case State.STOPPING:
                self._stopping_after_error = old is State.ERRORED
            case State.NEW:
                self._take_up()
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
            self._take_up()
        self.desired = self.desired.entered(State.INSTALLED)

    def _take_up(self) -> None:
        if self._pending is not None:
            self.spec, self._pending = self._pending, None

    def _tell(self, old: State) -> None:
        announce(self._host, self.spec, old, self.state, self._troubles.status)
        self._neighbours.changed(self.name)
