"""What to do about an image follows from a table."""

from __future__ import annotations

import pytest

from greendock.base.errors import Retry
from greendock.docker import errors as e
from greendock.docker.pull_policy import (
    Action,
    FailedAttempt,
    Need,
    PullPolicy,
    RetryLimits,
    common_policy,
    decide_after_failure,
    decide_need,
    local_may_stand_in,
    pause_s,
)

LIMITS = RetryLimits(first_pause_s=2.0, longest_pause_s=5.0, damaged=3, before_fall_back=3)
PLENTY_S = 1000.0
UNSET, IF_NOT, ALWAYS, NEVER = (
    PullPolicy.AS_DOCUMENTED,
    PullPolicy.IF_NOT_PRESENT,
    PullPolicy.ALWAYS,
    PullPolicy.NEVER,
)


@pytest.mark.parametrize(
    ("policy", "pinned", "present", "need"),
    [
        (UNSET, True, True, Need.NOTHING),
        (UNSET, True, False, Need.FETCH),
        (UNSET, False, True, Need.FETCH),
        (UNSET, False, False, Need.FETCH),
        (IF_NOT, True, True, Need.NOTHING),
        (IF_NOT, True, False, Need.FETCH),
        (IF_NOT, False, True, Need.NOTHING),
        (IF_NOT, False, False, Need.FETCH),
        (ALWAYS, True, True, Need.FETCH),
        (ALWAYS, False, True, Need.FETCH),
        (ALWAYS, True, False, Need.FETCH),
        (NEVER, True, True, Need.NOTHING),
        (NEVER, False, True, Need.NOTHING),
        (NEVER, True, False, Need.REFUSE),
    ],
)
def test_what_an_image_needs(policy, pinned, present, need):
    assert decide_need(policy, is_pinned=pinned, is_present=present) is need


@pytest.mark.parametrize(
    ("policy", "pinned", "present", "stands_in"),
    [
        (UNSET, False, True, True),
        (UNSET, False, False, False),
        (UNSET, True, True, False),
        (ALWAYS, False, True, False),
    ],
)
def test_when_the_local_image_may_stand_in(policy, pinned, present, stands_in):
    assert local_may_stand_in(policy, is_pinned=pinned, is_present=present) is stands_in


@pytest.mark.parametrize(
    ("error", "number", "stands_in", "action"),
    [
        (e.ImageNotFound, 1, True, Action.GIVE_UP),
        (e.ImageAccessDenied, 1, True, Action.GIVE_UP),
        (e.RegistryLoginFailed, 1, True, Action.GIVE_UP),
        (e.NoSpace, 1, True, Action.GIVE_UP),
        (e.PlatformMismatch, 1, False, Action.GIVE_UP),
        (e.RegistryUnreachable, 1, True, Action.FALL_BACK),
        (e.RegistryUnreachable, 1, False, Action.RETRY),
        (e.RegistryUnreachable, 1000, False, Action.RETRY),
        (e.RegistryUntrusted, 1, True, Action.FALL_BACK),
        (e.RegistryUntrusted, 1, False, Action.GIVE_UP),
        (e.ConnectionLost, 1, True, Action.RETRY),
        (e.ConnectionLost, 3, True, Action.FALL_BACK),
        (e.ConnectionLost, 1000, False, Action.RETRY),
        (e.PullStalled, 1, True, Action.RETRY),
        (e.PullStalled, 3, True, Action.FALL_BACK),
        (e.PullStalled, 1, False, Action.RETRY),
        (e.RegistryFailed, 1, True, Action.RETRY),
        (e.RegistryFailed, 3, True, Action.FALL_BACK),
        (e.RegistryFailed, 1000, False, Action.RETRY),
        (e.RateLimited, 1, False, Action.RETRY),
        (e.ContentMismatch, 1, False, Action.RETRY),
        (e.ContentMismatch, 3, False, Action.GIVE_UP),
        (e.EngineUnavailable, 1, True, Action.RETRY_WITH_ENGINE),
        (e.EngineUnavailable, 1000, True, Action.RETRY_WITH_ENGINE),
        (e.EngineNotPermitted, 1, True, Action.GIVE_UP),
    ],
)
def test_what_follows_a_failed_attempt(error, number, stands_in, action):
    failed = FailedAttempt(number, error("cannot pull x: because"), stands_in, PLENTY_S)
    assert decide_after_failure(failed, LIMITS, 0.5).action is action


@pytest.mark.parametrize(
    ("error", "stands_in", "action"),
    [
        (e.RegistryUnreachable, False, Action.GIVE_UP),
        (e.ConnectionLost, True, Action.FALL_BACK),
        (e.RateLimited, False, Action.GIVE_UP),
        (e.EngineUnavailable, False, Action.GIVE_UP),
    ],
)
def test_time_ends_the_attempts(error, stands_in, action):
    failed = FailedAttempt(2, error("cannot pull x: because"), stands_in, left_s=0.0)
    assert decide_after_failure(failed, LIMITS, 0.5).action is action


def test_what_a_registry_asks_to_wait_is_waited():
    error = e.RateLimited("cannot pull x: too many requests", retry_after_s=300.0)
    decision = decide_after_failure(FailedAttempt(1, error, False, PLENTY_S), LIMITS, 0.5)
    assert (decision.action, decision.pause_s) == (Action.RETRY, 300.0)


def test_a_wait_that_is_longer_than_the_time_left_is_not_begun():
    error = e.RateLimited("cannot pull x: too many requests", retry_after_s=300.0)
    decision = decide_after_failure(FailedAttempt(1, error, False, 299.0), LIMITS, 0.5)
    assert (decision.action, decision.pause_s) == (Action.GIVE_UP, 300.0)


def test_a_login_that_can_be_renewed_is_tried_at_once():
    error = e.RegistryLoginFailed("cannot pull x: denied")
    failed = FailedAttempt(1, error, False, PLENTY_S, wants_new_login=True)
    decision = decide_after_failure(failed, LIMITS, 0.5)
    assert (decision.action, decision.pause_s) == (Action.RETRY, 0.0)


def test_an_error_that_forbids_another_try_gets_none():
    error = e.PullStalled("cannot pull x: not done in time", retry=Retry.NEVER)
    decision = decide_after_failure(FailedAttempt(1, error, False, PLENTY_S), LIMITS, 0.5)
    assert decision.action is Action.GIVE_UP


def test_pauses_double_to_their_limit_and_half_of_each_is_chance():
    assert [pause_s(n, LIMITS, 1.0) for n in (1, 2, 3, 1000)] == [2.0, 4.0, 5.0, 5.0]
    assert [pause_s(n, LIMITS, 0.0) for n in (1, 2, 3)] == [1.0, 2.0, 2.5]


@pytest.mark.parametrize(
    ("policies", "common"),
    [
        ([], UNSET),
        ([NEVER], NEVER),
        ([NEVER, IF_NOT], IF_NOT),
        ([IF_NOT, UNSET], UNSET),
        ([UNSET, ALWAYS, NEVER], ALWAYS),
    ],
)
def test_the_most_eager_component_decides(policies, common):
    assert common_policy(policies) is common
