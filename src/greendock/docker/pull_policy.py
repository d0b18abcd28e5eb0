"""What to do about an image: use it, fetch it, try again, fall back or give up.

Pure: takes what is known and returns a decision. Called by the image job, which carries it out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum

from greendock.base.errors import Retry
from greendock.docker.errors import ConnectionLost, DockerError, RegistryUnreachable


class PullPolicy(StrEnum):
    """`docker.pullPolicy`. AS_DOCUMENTED, for an unset key, is what Greengrass documents."""

    AS_DOCUMENTED = ""
    IF_NOT_PRESENT = "IfNotPresent"
    ALWAYS = "Always"
    NEVER = "Never"


_MOST_EAGER_FIRST = (
    PullPolicy.ALWAYS,
    PullPolicy.AS_DOCUMENTED,
    PullPolicy.IF_NOT_PRESENT,
    PullPolicy.NEVER,
)


def common_policy(policies: Iterable[PullPolicy]) -> PullPolicy:
    """The policy for an image that several components list: the most eager one of theirs."""
    wanted = set(policies)
    found = (policy for policy in _MOST_EAGER_FIRST if policy in wanted)
    return next(found, PullPolicy.AS_DOCUMENTED)


class Need(Enum):
    """What an image needs before its component can run."""

    NOTHING = "nothing"
    FETCH = "fetch"
    REFUSE = "refuse"


def decide_need(policy: PullPolicy, *, is_pinned: bool, is_present: bool) -> Need:
    """Whether to fetch. Upstream fetches `latest` and untagged images each time."""
    if policy is PullPolicy.ALWAYS:
        return Need.FETCH
    if policy is PullPolicy.NEVER:
        return Need.NOTHING if is_present else Need.REFUSE
    if not is_present:
        return Need.FETCH
    if policy is PullPolicy.AS_DOCUMENTED and not is_pinned:
        return Need.FETCH
    return Need.NOTHING


def local_may_stand_in(policy: PullPolicy, *, is_pinned: bool, is_present: bool) -> bool:
    """Whether the local image will do when a fetch for news fails for the network."""
    return is_present and not is_pinned and policy is PullPolicy.AS_DOCUMENTED


@dataclass(frozen=True, slots=True)
class RetryLimits:
    """`attempts` includes the first; pauses double from the first to the longest."""

    attempts: int = 4
    first_pause_s: float = 1.0
    longest_pause_s: float = 15.0


class Action(Enum):
    RETRY = "retry"
    RETRY_WITH_ENGINE = "retry-with-engine"
    FALL_BACK = "fall-back"
    GIVE_UP = "give-up"


@dataclass(frozen=True, slots=True)
class Decision:
    """`pause_s` counts before a RETRY."""

    action: Action
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """`number` counts from 1. `local_may_stand_in`: see the function of that name."""

    number: int
    error: DockerError
    local_may_stand_in: bool


def decide_after_failure(failed: FailedAttempt, limits: RetryLimits, chance: float) -> Decision:
    """What to do now. `chance`: a random number from 0 to 1, for the length of the pause.

    A connection that broke is tried again before the local image stands in; a registry that
    can't be reached at all is not, since the engine has tried long enough.
    """
    error = failed.error
    is_network = isinstance(error, RegistryUnreachable)
    stands_in = failed.local_may_stand_in and is_network
    may_retry = error.retry is not Retry.NEVER and failed.number < limits.attempts
    if stands_in and not (may_retry and isinstance(error, ConnectionLost)):
        return Decision(Action.FALL_BACK)
    if not may_retry:
        return Decision(Action.GIVE_UP)
    if error.retry is Retry.WHEN_ENGINE_IS_BACK:
        return Decision(Action.RETRY_WITH_ENGINE)
    return Decision(Action.RETRY, pause_s(failed.number, limits, chance))


def pause_s(number: int, limits: RetryLimits, chance: float) -> float:
    """The pause after attempt `number`: half the interval, and up to the other half by chance."""
    interval = min(limits.first_pause_s * 2.0 ** min(number - 1, 32), limits.longest_pause_s)
    return interval / 2 + chance * interval / 2
