"""Status codes of components, by Greengrass's names, and the failures that carry them.

Pure. scripts.py and component.py raise and record these; they show in component details.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from greendock.base.errors import LifecycleError

NO_STATUS = "NONE"


class Kind(StrEnum):
    """Why a step failed; the second half of a status code."""

    ERROR = "ERROR"
    TIMEOUT = "TIMEOUT"
    CONFIG_NOT_VALID = "CONFIG_NOT_VALID"
    IO_ERROR = "IO_ERROR"
    MISSING_DEFAULT_RUNWITH = "MISSING_DEFAULT_RUNWITH"


# Steps of stopping know two kinds only.
_ONLY_ERROR_OR_TIMEOUT = frozenset({"shutdown", "uninstall", "recover"})


@dataclass(frozen=True, slots=True)
class Failure:
    """A status code and the reason in words."""

    code: str
    reason: str


class StepError(LifecycleError):
    """A step that could not be started, or that ended badly."""

    is_counted = True
    """Whether it brings the component nearer to BROKEN."""

    def __init__(self, step: str, kind: Kind, reason: str, hint: str | None = None) -> None:
        super().__init__(reason, hint=hint)
        self.failure = Failure(status_code(step, kind), self.explain())


class EngineGoneError(StepError):
    """What ran ended because the engine went away: not the component's fault."""

    is_counted = False


def status_code(step: str, kind: Kind) -> str:
    """E.g. `RUN_ERROR` for (run, ERROR)."""
    if step in _ONLY_ERROR_OR_TIMEOUT and kind is not Kind.TIMEOUT:
        kind = Kind.ERROR
    return f"{step.upper()}_{kind}"
