"""What to do about an image: use it, fetch it, try again, fall back or give up.

Pure: takes what is known and returns a decision. Called by the image job, which carries it out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum

from greendock.base.errors import Retry
from greendock.docker.errors import (
    ConnectionLost,
    ContentMismatch,
    DockerError,
    PullStalled,
    RegistryFailed,
    RegistryUnreachable,
)


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
    """Pauses double from the first to the longest. Time, not a number, ends most attempts.

    `damaged`: attempts after which damaged content is final. `before_fall_back`: attempts before
    the local image stands in, where the registry answers or did answer.
    """

    first_pause_s: float = 1.0
    longest_pause_s: float = 60.0
    damaged: int = 3
    before_fall_back: int = 3


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
    """`number` counts from 1. `local_may_stand_in`: see the function of that name. `left_s`: what
    is left of the time for this image. `wants_new_login`: the login was refused and can be had
    anew."""

    number: int
    error: DockerError
    local_may_stand_in: bool
    left_s: float
    wants_new_login: bool = False


def decide_after_failure(failed: FailedAttempt, limits: RetryLimits, chance: float) -> Decision:
    """What to do now. `chance`: a random number from 0 to 1, for the length of the pause.

    A connection that broke and a registry that is overloaded are tried again before the local
    image stands in; a registry that can't be reached at all is not.
    """
    error = failed.error
    if failed.wants_new_login:
        return Decision(Action.RETRY)
    if failed.local_may_stand_in and _is_time_to_fall_back(failed, limits):
        return Decision(Action.FALL_BACK)
    if error.retry is Retry.NEVER or failed.left_s <= 0:
        return Decision(Action.GIVE_UP)
    if isinstance(error, ContentMismatch) and failed.number >= limits.damaged:
        return Decision(Action.GIVE_UP)
    if error.retry is Retry.WHEN_ENGINE_IS_BACK:
        wait_s = min(pause_s(failed.number, limits, chance), failed.left_s)
        return Decision(Action.RETRY_WITH_ENGINE, wait_s)
    wait_s = max(pause_s(failed.number, limits, chance), error.retry_after_s or 0.0)
    if wait_s > failed.left_s:
        return Decision(Action.GIVE_UP, wait_s)
    return Decision(Action.RETRY, wait_s)


def _is_time_to_fall_back(failed: FailedAttempt, limits: RetryLimits) -> bool:
    error = failed.error
    if not isinstance(error, RegistryUnreachable | RegistryFailed):
        return False
    may_pass = error.retry is not Retry.NEVER and failed.left_s > 0
    has_answered = isinstance(error, ConnectionLost | PullStalled | RegistryFailed)
    return not (may_pass and has_answered and failed.number < limits.before_fall_back)


def pause_s(number: int, limits: RetryLimits, chance: float) -> float:
    """The pause after attempt `number`: half the interval, and up to the other half by chance."""
    interval = min(limits.first_pause_s * 2.0 ** min(number - 1, 32), limits.longest_pause_s)
    return interval / 2 + chance * interval / 2
