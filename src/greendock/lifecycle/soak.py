"""How new containers prove themselves before a deployment trusts them.

Pure: states and monotonic times in, what is waited for out. A container with a HEALTHCHECK has to
be healthy; one without has to run for the soak time without a restart. Containers that come and
go, each ending well, are jobs: then the component as a whole has to run that long.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from greendock.docker.containers.model import GenerationState, Health, OwnedContainer, Phase
from greendock.lifecycle.restart import ERRORS_TO_BROKEN


@dataclass(frozen=True, slots=True)
class SoakWait:
    """What a component is waited for. `left_s`: at least so long, None: not by time alone.

    `is_failed`: there is no use in waiting.
    """

    text: str
    left_s: float | None = None
    is_failed: bool = False


@dataclass(frozen=True, slots=True)
class Soaking:
    """A component that a deployment waits for, for whoever shows it."""

    component: str
    text: str
    left_s: float | None


@dataclass(slots=True)
class _Seen:
    since: float
    restarts: int


@dataclass(slots=True)
class Soak:
    """One component's. Begins anew with each stay in RUNNING, with each strike (a restart of a
    container, or a bad end), and when the engine was away: what it took along isn't missed yet."""

    soak_s: float
    _stay: float | None = None
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _failed: set[str] = field(default_factory=set)
    _strikes: int = 0
    _struck_at: float = 0.0
    _struck_by: str = ""
    _has_jobs: bool = False
    _is_blind: bool = False

    def wait(self, state: GenerationState, running_since: float, now: float) -> SoakWait | None:
        """What is waited for; None: the component is sound."""
        if running_since != self._stay:
            self._begin(running_since, state)
        if not state.is_known:
            self._is_blind = True
            return SoakWait("the Docker engine does not answer")
        if self._is_blind:
            self._is_blind, self._struck_at = False, now
        self._note(state, now)
        if self._strikes >= ERRORS_TO_BROKEN:
            return SoakWait(self._struck_by, is_failed=True)
        for one in state.alive:
            if one.health in (Health.STARTING, Health.UNHEALTHY):
                return SoakWait(f"container {one.name} is not healthy yet")
            if one.phase is Phase.RESTARTING:
                return SoakWait(f"container {one.name} is being restarted")
        left_s = self._since(state.alive) + self.soak_s - now
        if left_s <= 0:
            return None
        return SoakWait(f"it has to run well for {self.soak_s:g} s", left_s)

    def _begin(self, running_since: float, state: GenerationState) -> None:
        self._stay = self._struck_at = running_since
        self._seen.clear()
        self._failed = {key for key, _, _ in _bad_ends(state)}
        self._strikes = 0
        self._has_jobs = self._is_blind = False

    def _since(self, alive: tuple[OwnedContainer, ...]) -> float:
        """Since when all is well. Health tells more than time, where it is told."""
        untold = [self._seen[one.id].since for one in alive if one.health is Health.NONE]
        if not untold:
            sound = alive and not self._strikes
            return self._struck_at - (self.soak_s if sound else 0)
        begun = [] if self._has_jobs else untold
        return max([self._struck_at, *begun])

    def _note(self, state: GenerationState, now: float) -> None:
        for one in state.alive:
            seen = self._seen.setdefault(one.id, _Seen(now, 0))
            if one.restarts > seen.restarts:
                times = one.restarts - seen.restarts
                self._strike(
                    f"container {one.name} was restarted {one.restarts} times", now, times
                )
                self._seen[one.id] = _Seen(now, one.restarts)
        self._note_ends(state, now)

    def _note_ends(self, state: GenerationState, now: float) -> None:
        fresh = [end for end in _bad_ends(state) if end[0] not in self._failed]
        self._failed.update(end[0] for end in fresh)
        for _, name, code in fresh:
            self._strike(f"container {name} exited with code {code}", now)
        gone = self._seen.keys() - {one.id for one in state.alive}
        if gone and not fresh:
            self._has_jobs = True
        for one in gone:
            del self._seen[one]

    def _strike(self, reason: str, now: float, times: int = 1) -> None:
        self._strikes += times
        self._struck_at = now
        self._struck_by = reason


def _bad_ends(state: GenerationState) -> list[tuple[str, str, int]]:
    """A key, the name and the exit code of each."""
    failed = (one for one in state.containers if one.has_ended and one.exit_code)
    ends = [(one.id, one.name, one.exit_code) for one in failed]
    return ends + [(f"name {name}", name, code) for name, code in state.failures.items()]
