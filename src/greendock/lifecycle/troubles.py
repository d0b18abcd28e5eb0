"""What went wrong with one component lately: status, count, and when to try again.

Keeps the numbers between the pure rules of restart.py and component.py, which acts on them.
"""

from __future__ import annotations

import logging

from greendock.lifecycle import restart
from greendock.lifecycle.host import Host
from greendock.lifecycle.model import State
from greendock.lifecycle.restart import Tally
from greendock.lifecycle.states import Event
from greendock.lifecycle.status import NO_STATUS, Failure

_log = logging.getLogger("greendock.lifecycle")
_NONE = Failure(NO_STATUS, "")


class Troubles:
    """`status` is what is shown; `failed_in` the state of the last error."""

    def __init__(self, name: str, host: Host) -> None:
        self._name = name
        self._host = host
        self._tally = Tally()
        self._retry_at = 0.0
        self.status = _NONE
        self.failed_in: State | None = None

    @property
    def wait_s(self) -> float:
        """How long to wait before the next try; 0 or less: now."""
        return self._retry_at - self._host.clock.monotonic()

    def record(self, failure: Failure, state: State, error_reset_s: float) -> Event:
        """Note an error of `state`; says whether it was one too many."""
        self.status = failure
        self.failed_in = state
        self.note(failure, state)
        now = self._host.clock.monotonic()
        self._tally = restart.record(self._tally, state, now, error_reset_s)
        if self._tally.is_broken(state):
            return Event.FAILED_FOR_GOOD
        if state in restart.COUNTED:
            first_s, longest_s = self._host.settings.backoff_s
            wait_s = restart.delay_s(self._tally, first_s, longest_s, self._host.jitter())
            self._retry_at = now + wait_s
        return Event.FAILED

    def excuse(self, failure: Failure, state: State) -> Event:
        """Note an error of `state` that is not the component's fault; it does not count."""
        self.status = failure
        self.failed_in = state
        self.note(failure, state)
        self._retry_at = self._host.clock.monotonic() + self._host.settings.backoff_s[0]
        return Event.FAILED

    def note(self, failure: Failure, state: State) -> None:
        """Log it, in the component's file and the core's."""
        contexts = {
            "serviceName": self._name,
            "currentState": state,
            "statusCode": failure.code,
        }
        log = self._host.logs.get(self._name)
        log.write("ERROR", "service-errored", failure.reason, **contexts)
        _log.error(failure.reason, extra={"event": "service-errored", "contexts": contexts})

    def left(self, state: State) -> None:
        """`state` was left without an error."""
        self._tally = restart.left(self._tally, state)

    def ran(self, for_s: float) -> None:
        """A run lasted `for_s` seconds."""
        self._tally = restart.ran(self._tally, for_s, self._host.settings.backoff_s[1])

    def try_now(self) -> None:
        """Somebody asked for a start: no more waiting."""
        self._retry_at = 0.0

    def forget(self) -> None:
        """Begin anew, for a new specification or after BROKEN."""
        self._tally = Tally()
        self._retry_at = 0.0

    def passed(self) -> None:
        """The component is well: show no error any more."""
        self.status = _NONE
