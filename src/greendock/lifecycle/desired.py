"""Where a component should be heading, and the event that takes it a step in that direction.

Pure. Requests are folded into one `Desired` value; a queued reinstall is never dropped by a later
start, restart or stop. component.py asks `event_for` whenever it is at a state it could leave.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from greendock.lifecycle.model import State
from greendock.lifecycle.states import Event


class Request(StrEnum):
    START = "start"
    RESTART = "restart"
    REINSTALL = "reinstall"
    STOP = "stop"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Desired:
    """`end` is RUNNING, FINISHED or UNINSTALLED; `via` a state to pass first: NEW, INSTALLED."""

    end: State = State.RUNNING
    via: State | None = None

    def after(self, request: Request) -> Desired:
        """What is wanted once `request` is taken in as well. Removal is final."""
        if self.end is State.UNINSTALLED:
            return self
        kept = State.NEW if self.via is State.NEW else None
        match request:
            case Request.START:
                return replace(self, end=State.RUNNING)
            case Request.RESTART:
                return Desired(State.RUNNING, kept or State.INSTALLED)
            case Request.REINSTALL:
                return Desired(State.RUNNING, State.NEW)
            case Request.STOP:
                return Desired(State.FINISHED, kept)
            case Request.REMOVE:
                return Desired(State.UNINSTALLED, None)

    def entered(self, state: State) -> Desired:
        """What is still wanted after the component entered `state`."""
        passed = {State.NEW: (State.NEW, State.INSTALLED), State.INSTALLED: (State.INSTALLED,)}
        return replace(self, via=None) if self.via in passed.get(state, ()) else self

    def reached(self, state: State) -> bool:
        """True when a component in `state` has nothing left to do."""
        return self.via is None and self.end is state


_LEAVABLE = frozenset({State.NEW, State.INSTALLED, State.STARTING, State.RUNNING})


def event_for(state: State, desired: Desired) -> Event | None:
    """The event that `desired` calls for in `state`; None to stay.

    In STOPPING and ERRORED it says how to go on once the work of that state is done.
    """
    if state in _LEAVABLE:
        return Event.STOP if _must_leave(state, desired) else None
    if state in (State.STOPPING, State.ERRORED):
        return _onward(desired) or Event.STOPPED
    if state is State.FINISHED:
        return Event.REMOVE if desired.end is State.UNINSTALLED else _onward(desired)
    if state is State.BROKEN:
        if desired.end is State.UNINSTALLED:
            return Event.REMOVE
        return Event.REINSTALL if desired == Desired(State.RUNNING, State.NEW) else None
    return None


def _must_leave(state: State, desired: Desired) -> bool:
    if desired.end is not State.RUNNING or desired.via is State.NEW:
        return True
    return desired.via is State.INSTALLED and state in (State.STARTING, State.RUNNING)


def _onward(desired: Desired) -> Event | None:
    if desired.end is not State.RUNNING:
        return None
    return Event.REINSTALL if desired.via is State.NEW else Event.START_AGAIN
