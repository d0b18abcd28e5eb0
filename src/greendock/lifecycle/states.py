"""The life of a component as one table: which event leads from which state to which.

Pure. Decides nothing about when an event happens (component.py finds that out) and nothing about
what is wanted (desired.py). The state diagram of the documentation is `diagram()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from greendock.lifecycle.model import State


class Event(StrEnum):
    """What can happen to a component. The text is the label in the diagram."""

    INSTALL_DONE = "install done"
    DEPENDENCIES_READY = "hard dependencies ready"
    STARTED = "started"
    NOTHING_TO_RUN = "nothing to run"
    RUN_DONE = "run exited 0"
    STOP = "leave on request"
    FAILED = "failed"
    FAILED_FOR_GOOD = "failed for the third time"
    RETRY_INSTALL = "install again"
    CLEAN_UP = "clean up"
    STOPPED = "stopped"
    START_AGAIN = "start"
    REINSTALL = "reinstall"
    REMOVE = "remove"
    UNINSTALLED = "uninstalled"


_ROWS: tuple[tuple[State, Event, State], ...] = (
    (State.NEW, Event.INSTALL_DONE, State.INSTALLED),
    (State.NEW, Event.STOP, State.STOPPING),
    (State.NEW, Event.FAILED, State.ERRORED),
    (State.NEW, Event.FAILED_FOR_GOOD, State.BROKEN),
    (State.INSTALLED, Event.DEPENDENCIES_READY, State.STARTING),
    (State.INSTALLED, Event.STOP, State.STOPPING),
    (State.STARTING, Event.STARTED, State.RUNNING),
    (State.STARTING, Event.NOTHING_TO_RUN, State.FINISHED),
    (State.STARTING, Event.RUN_DONE, State.STOPPING),
    (State.STARTING, Event.STOP, State.STOPPING),
    (State.STARTING, Event.FAILED, State.ERRORED),
    (State.STARTING, Event.FAILED_FOR_GOOD, State.BROKEN),
    (State.RUNNING, Event.RUN_DONE, State.STOPPING),
    (State.RUNNING, Event.STOP, State.STOPPING),
    (State.RUNNING, Event.FAILED, State.ERRORED),
    (State.RUNNING, Event.FAILED_FOR_GOOD, State.BROKEN),
    (State.STOPPING, Event.STOPPED, State.FINISHED),
    (State.STOPPING, Event.START_AGAIN, State.INSTALLED),
    (State.STOPPING, Event.REINSTALL, State.NEW),
    (State.STOPPING, Event.FAILED, State.ERRORED),
    (State.ERRORED, Event.RETRY_INSTALL, State.NEW),
    (State.ERRORED, Event.CLEAN_UP, State.STOPPING),
    (State.ERRORED, Event.STOPPED, State.FINISHED),
    (State.ERRORED, Event.START_AGAIN, State.INSTALLED),
    (State.ERRORED, Event.REINSTALL, State.NEW),
    (State.BROKEN, Event.REINSTALL, State.NEW),
    (State.BROKEN, Event.REMOVE, State.UNINSTALLING),
    (State.FINISHED, Event.START_AGAIN, State.INSTALLED),
    (State.FINISHED, Event.REINSTALL, State.NEW),
    (State.FINISHED, Event.REMOVE, State.UNINSTALLING),
    (State.UNINSTALLING, Event.UNINSTALLED, State.UNINSTALLED),
)

TRANSITIONS: Mapping[tuple[State, Event], State] = MappingProxyType(
    {(state, event): after for state, event, after in _ROWS}
)

# Source: the Greengrass lifecycle's own rule of which report is heard in which state.
REPORTABLE: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.NEW: frozenset({State.ERRORED}),
        State.STARTING: frozenset({State.RUNNING, State.ERRORED, State.FINISHED}),
        State.RUNNING: frozenset({State.ERRORED, State.FINISHED}),
        State.STOPPING: frozenset({State.ERRORED, State.FINISHED}),
    }
)

CLOSABLE = frozenset({State.NEW, State.ERRORED, State.BROKEN, State.FINISHED, State.UNINSTALLED})
AT_REST = frozenset({State.BROKEN, State.FINISHED, State.UNINSTALLED})

_DEFAULT_CODES: Mapping[State, str] = MappingProxyType(
    {
        State.NEW: "INSTALL_ERROR",
        State.INSTALLED: "INSTALL_ERROR",
        State.STARTING: "STARTUP_ERROR",
        State.RUNNING: "RUN_ERROR",
        State.STOPPING: "SHUTDOWN_ERROR",
    }
)


class IllegalTransitionError(ValueError):
    """An event that can't happen in this state: a fault of the program, never of a recipe."""


def next_state(state: State, event: Event) -> State:
    """The state after `event`; raises IllegalTransitionError for a pair not in the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransitionError(f"{event.name} cannot happen in {state}") from None


def may_report(state: State, reported: State) -> bool:
    """Whether a component in `state` may say of itself that it is `reported`."""
    return reported in REPORTABLE.get(state, frozenset())


def default_status_code(state: State) -> str:
    """The status code of an error that was reported in `state` without one."""
    return _DEFAULT_CODES.get(state, "NONE")


def diagram() -> str:
    """The table as a Mermaid state diagram, one line per transition in table order."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.NEW}"]
    lines += [f"    {state} --> {after}: {event.value}" for state, event, after in _ROWS]
    lines.append(f"    {State.UNINSTALLED} --> [*]")
    return "\n".join(lines) + "\n"
