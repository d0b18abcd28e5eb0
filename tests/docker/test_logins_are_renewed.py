"""A refused login is had anew once, and again only when it ran out in the middle of an attempt."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from greendock.docker.credentials.registry_credentials import Login
from greendock.docker.engine.model import RegistryAuth
from greendock.docker.errors import RegistryLoginFailed
from greendock.docker.pull_policy import RetryLimits
from greendock.docker.pulling.image_attempts import Attempts, AttemptTools

LIFE_S = 100.0


@dataclass
class SetClock:
    """A clock that stands still until it is moved."""

    at_s: float = 1000.0

    def now(self) -> float:
        return self.at_s

    def monotonic(self) -> float:
        return self.at_s

    async def sleep(self, seconds: float) -> None:
        self.at_s += seconds


@dataclass
class Renewable:
    """Credentials that always have another login."""

    rejected: list[str] = field(default_factory=list)

    def reject(self, login: Login) -> bool:
        self.rejected.append(login.auth.password)
        return True


class SilentStory:
    def retry(self, *_: Any) -> None:
        pass


class Device:
    """One image's attempts; each takes `attempt_s` with a login that begins `ahead_s` before."""

    def __init__(self, attempt_s: float, ahead_s: float, failures: int) -> None:
        self.clock = SetClock()
        self.credentials = Renewable()
        self.attempt_s = attempt_s
        self.ahead_s = ahead_s
        self.failures = failures
        settings = SimpleNamespace(pull_deadline_s=3600.0, engine_wait_s=1.0)
        tools: Any = AttemptTools(
            engine=None,  # type: ignore[arg-type]
            settings=settings,  # type: ignore[arg-type]
            credentials=self.credentials,  # type: ignore[arg-type]
            clock=self.clock,  # type: ignore[arg-type]
            network=None,  # type: ignore[arg-type]
            limits=RetryLimits(),
        )
        story: Any = SilentStory()
        self.attempts = Attempts(tools, story, local_may_stand_in=False)

    def run(self) -> int:
        """The number of the attempt that worked."""
        return asyncio.run(self.attempts.run(self.step))

    async def step(self, number: int) -> int:
        ends = self.clock.now() - self.ahead_s + LIFE_S
        auth = RegistryAuth("AWS", f"password {number}", "r.example")
        self.attempts.use(Login(auth, "a test", ends, can_renew=True))
        self.clock.at_s += self.attempt_s
        if number <= self.failures:
            raise RegistryLoginFailed("the registry token has expired")
        return number


def test_a_login_that_runs_out_in_each_attempt_is_renewed_each_time():
    device = Device(attempt_s=LIFE_S, ahead_s=0, failures=5)
    assert device.run() == 6
    assert len(device.credentials.rejected) == 5


def test_a_fresh_login_that_is_refused_is_the_last_word():
    device = Device(attempt_s=1, ahead_s=0, failures=5)
    with pytest.raises(RegistryLoginFailed, match="the login came from: a test"):
        device.run()
    assert device.credentials.rejected == ["password 1"]


def test_a_wrong_clock_makes_no_endless_renewing():
    device = Device(attempt_s=1, ahead_s=10 * LIFE_S, failures=5)
    with pytest.raises(RegistryLoginFailed):
        device.run()
    assert device.credentials.rejected == ["password 1"]
