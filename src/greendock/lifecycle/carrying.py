"""Whether containers still do a component's work once its script is over, or why they don't.

Pure: states of a life's containers in, a reason or a verdict out. running.py acts on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from greendock.docker.containers.model import GenerationState, OwnedContainer

_LONGEST_OUTPUT = 300


@dataclass(slots=True)
class Losses:
    """Which containers were alive, and when they were last known to be."""

    _alive: frozenset[str] = frozenset()
    _gone_at: dict[str, float] = field(default_factory=dict)

    def see(self, state: GenerationState, at_s: float) -> None:
        """`state` as it was at `at_s`."""
        alive = frozenset(one.id for one in state.alive)
        self._gone_at |= dict.fromkeys(self._alive - alive, at_s)
        self._alive = alive

    def missing(self, state: GenerationState, since: float) -> frozenset[str]:
        """Those that are not alive in `state` and still were some time after `since`."""
        recent = {one for one, at_s in self._gone_at.items() if at_s >= since}
        return (self._alive | recent) - {one.id for one in state.alive}


def seen_by_script(state: GenerationState) -> frozenset[str]:
    """Containers whose end the script that has just ended saw itself: no failures, whatever they
    ended with."""
    return frozenset(one.id for one in state.containers if one.is_attached and one.has_ended)


def why_unhealthy(state: GenerationState) -> str | None:
    """The reason of an error, if a container is unhealthy."""
    for one in state.unhealthy:
        output = " ".join(one.health_output.split())[:_LONGEST_OUTPUT]
        return f"container {one.name} is unhealthy{f': {output}' if output else ''}"
    return None


def why_failed(state: GenerationState, seen: frozenset[str]) -> str | None:
    """The reason of an error, if a container ended badly and nothing brings it back; those that
    were `seen` don't count."""
    for one in state.containers:
        if _has_failed(one) and one.id not in seen:
            return f"container {one.name} exited with code {one.exit_code}"
    for name, code in state.failures.items():
        return f"container {name} exited with code {code}"
    return None


def _has_failed(one: OwnedContainer) -> bool:
    return one.has_ended and one.exit_code != 0
