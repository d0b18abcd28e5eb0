"""What components say to an update that is ahead, and who of them wins; pure.

Used by update_notices.py, which asks them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

SHORTEST_PAUSE_S = 0.1
"""A component that wants to be asked again at once must not keep the core busy."""


@dataclass(frozen=True, slots=True)
class UpdateAhead:
    """Components are about to be updated. `restarts_core`: the core starts anew for it."""

    deployment_id: str
    restarts_core: bool = False


@dataclass(frozen=True, slots=True)
class UpdateOver:
    """The update that was ahead is done, or was dropped."""

    deployment_id: str


@dataclass(frozen=True, slots=True)
class Deferral:
    """A component's answer. `recheck_ms` 0: the update may go ahead; else ask again after it."""

    recheck_ms: int = 0
    message: str | None = None


def deferring(present: Collection[str], answers: Mapping[str, Deferral]) -> dict[str, Deferral]:
    """The answers that hold the update back: who is gone has no say any more."""
    return {
        component: answer
        for component, answer in answers.items()
        if answer.recheck_ms > 0 and component in present
    }


def pause_s(deferrals: Mapping[str, Deferral]) -> float:
    """Seconds until everybody is asked again; 0 when nobody holds the update back."""
    if not deferrals:
        return 0.0
    longest_ms = max(deferral.recheck_ms for deferral in deferrals.values())
    return max(longest_ms / 1000, SHORTEST_PAUSE_S)
