"""When errors make a component BROKEN, and how long to wait before the next try.

Pure: times and the jitter are passed in. The counting rule is Greengrass's (three errors of the
same state, each less than errorResetTime after the one before); the wait between tries is ours,
since retrying at once burns all three tries within seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from greendock.lifecycle.model import State

ERRORS_TO_BROKEN = 3
COUNTED = frozenset({State.NEW, State.STARTING, State.RUNNING})


@dataclass(frozen=True, slots=True)
class Tally:
    """Errors so far: monotonic times per state, and `streak`, the errors without a stable run."""

    errors: Mapping[State, tuple[float, ...]] = field(default_factory=dict)
    streak: int = 0

    def count(self, state: State) -> int:
        return len(self.errors.get(state, ()))

    def is_broken(self, state: State) -> bool:
        return self.count(state) >= ERRORS_TO_BROKEN


def record(tally: Tally, state: State, at_s: float, reset_s: float) -> Tally:
    """Count an error that happened in `state` at `at_s`."""
    if state not in COUNTED:
        return tally
    before = tally.errors.get(state, ())
    kept = before if before and at_s - before[-1] < reset_s else ()
    return replace(tally, errors={**tally.errors, state: (*kept, at_s)}, streak=tally.streak + 1)


def left(tally: Tally, state: State) -> Tally:
    """Forget the errors of `state`: it was left without an error."""
    if state not in tally.errors:
        return tally
    return replace(tally, errors={s: t for s, t in tally.errors.items() if s is not state})


def ran(tally: Tally, for_s: float, longest_s: float) -> Tally:
    """After a run of `for_s`: one longer than the longest wait ends the streak."""
    return replace(tally, streak=0) if for_s >= longest_s else tally


def delay_s(tally: Tally, first_s: float, longest_s: float, jitter: float) -> float:
    """How long to wait before the next try: doubling from `first_s` up to `longest_s`.

    `jitter` in [0, 1) takes up to a quarter off, so that components that failed together don't
    come back together.
    """
    if tally.streak == 0:
        return 0.0
    full = min(longest_s, first_s * 2.0 ** min(tally.streak - 1, 60))
    return full * (1 - jitter / 4)
