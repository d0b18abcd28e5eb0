"""When a download that failed is tried again; pure."""

from __future__ import annotations

from dataclasses import dataclass

from greendock.base.errors import GreendockError, Retry


@dataclass(frozen=True, slots=True)
class DownloadLimits:
    """`deadline_s`: no new attempt for a file begins later than that. `stall_s`: how long no byte
    may come. `wrong_contents`: how often the wrong content is fetched before it counts."""

    deadline_s: float = 3600
    stall_s: float = 60
    first_pause_s: float = 1
    longest_pause_s: float = 60
    files_at_once: int = 3
    looks_at_once: int = 4
    wrong_contents: int = 3


@dataclass(frozen=True, slots=True)
class FailedTry:
    """`failures`: those in a row without a byte between them, this one included."""

    error: GreendockError
    failures: int
    left_s: float


def pause_after(failed: FailedTry, limits: DownloadLimits, chance: float) -> float | None:
    """Seconds until the next attempt, None to give up. `chance` from 0 to 1 spreads devices."""
    if not (can_pass(failed.error) or object_changed(failed.error)):
        return None
    doubled = limits.first_pause_s * 2.0 ** min(failed.failures - 1, 30)
    full = min(limits.longest_pause_s, doubled)
    pause_s = max(full * (0.5 + chance / 2), asked_pause_s(failed.error))
    return None if pause_s >= failed.left_s else pause_s


def can_pass(error: GreendockError) -> bool:
    """Whether trying again can help."""
    return error.retry in (Retry.BACK_OFF, Retry.WHEN_ONLINE)


def object_changed(error: GreendockError) -> bool:
    """Whether the store said that the object is another one by now."""
    return bool(getattr(error, "object_changed", False))


def asked_pause_s(error: GreendockError) -> float:
    """How long the store wants to be left alone."""
    return getattr(error, "retry_after_s", None) or 0.0
