"""Secrets of AWS: which are given, how long a value serves, and what happens without AWS."""

from __future__ import annotations

import asyncio

import pytest

from greendock.config.secret_settings import CloudSecret
from greendock.secrets.cloud import AGAIN_S, KEPT_S, CloudSecrets
from greendock.secrets.model import NoSuchSecret, Secret, SecretRequest, SecretUnavailable
from greendock.secrets.service import SecretService

ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/api-AbCdEf"


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here waits")


class Api:
    """AWS with one secret in two versions."""

    def __init__(self) -> None:
        self.values = {"AWSCURRENT": "new", "AWSPREVIOUS": "old"}
        self.asked: list[tuple[str | None, str | None]] = []
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def fetch(self, arn: str, version_id: str | None, stage: str | None) -> Secret:
        self.asked.append((version_id, stage))
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        for known, value in self.values.items():
            if known == stage or version_id == f"v-{known}":
                return Secret(ARN, f"v-{known}", (known,), value)
        raise NoSuchSecret("cannot find it")


class Device:
    def __init__(self, *labels: str) -> None:
        self.clock = Clock()
        self.api = Api()
        self.configured = [CloudSecret(ARN, labels)]
        self.source = CloudSecrets(lambda: self.configured, self.api, self.clock)
        self.service = SecretService([self.source])

    def get(self, secret_id: str = "prod/api", **request: object) -> object:
        wanted = SecretRequest(secret_id, **request)  # type: ignore[arg-type]
        return asyncio.run(self.service.get(wanted, lambda _: None)).value


@pytest.mark.parametrize("secret_id", ["prod/api", ARN, ARN[:-7]])
def test_names_arns_and_partial_arns_are_the_same_secret(secret_id: str) -> None:
    assert Device().get(secret_id) == "new"


def test_what_is_not_configured_is_not_asked_for() -> None:
    device = Device()
    with pytest.raises(NoSuchSecret):
        device.get("prod/other")
    with pytest.raises(NoSuchSecret):
        device.get(stage="AWSPREVIOUS")
    assert device.api.asked == []


def test_labels_may_be_had_too() -> None:
    device = Device("AWSPREVIOUS")
    assert device.get(stage="AWSPREVIOUS") == "old"
    assert device.get(version_id="v-AWSPREVIOUS") == "old"
    assert device.get() == "new"


def test_a_version_whose_labels_are_not_configured_is_not_given() -> None:
    device = Device()
    assert device.get(version_id="v-AWSCURRENT") == "new"
    with pytest.raises(NoSuchSecret):
        device.get(version_id="v-AWSPREVIOUS")


def test_a_value_serves_for_some_minutes() -> None:
    device = Device()
    device.get()
    device.api.values["AWSCURRENT"] = "newer"
    device.clock.seconds += KEPT_S - 1
    assert device.get() == "new"
    device.clock.seconds += 1
    assert device.get() == "newer"
    assert device.api.asked == [(None, "AWSCURRENT")] * 2


def test_refresh_asks_first() -> None:
    device = Device()
    device.get()
    device.api.values["AWSCURRENT"] = "newer"
    assert device.get(refresh=True) == "newer"
    assert device.get() == "newer"
    assert len(device.api.asked) == 2


def test_without_aws_not_everybody_waits_for_its_answer() -> None:
    """Each wait may take many seconds, and those who ask for one secret wait in a row."""
    device = Device()
    device.get()
    device.api.failure = SecretUnavailable("offline", may_pass=True)
    device.clock.seconds += KEPT_S
    before = len(device.api.asked)
    assert [device.get() for _ in range(5)] == ["new"] * 5
    assert len(device.api.asked) == before + 1
    device.clock.seconds += AGAIN_S
    device.api.failure = None
    device.api.values["AWSCURRENT"] = "newer"
    assert device.get() == "newer"


def test_without_aws_the_last_value_serves() -> None:
    device = Device()
    device.get()
    device.api.failure = SecretUnavailable("offline", may_pass=True)
    device.clock.seconds += 100 * KEPT_S
    assert device.get() == "new"
    assert device.get(refresh=True) == "new"


def test_without_aws_there_is_none_before_the_first() -> None:
    device = Device()
    device.api.failure = SecretUnavailable("offline", may_pass=True)
    with pytest.raises(SecretUnavailable, match="offline"):
        device.get()


@pytest.mark.parametrize("failure", [SecretUnavailable("denied"), NoSuchSecret("deleted")])
def test_what_aws_no_longer_gives_is_forgotten(failure: Exception) -> None:
    device = Device()
    device.get()
    device.api.failure = failure
    with pytest.raises(type(failure)):
        device.get(refresh=True)
    device.api.failure = SecretUnavailable("offline", may_pass=True)
    with pytest.raises(SecretUnavailable):
        device.get()


def test_what_is_no_longer_configured_is_forgotten() -> None:
    device = Device()
    device.get()
    configured, device.configured = device.configured, []
    with pytest.raises(NoSuchSecret):
        device.get()
    device.configured = [CloudSecret(ARN.replace("api", "other"))]
    device.get("prod/other")
    device.configured = configured
    device.get()
    assert len(device.api.asked) == 3


def test_many_who_ask_at_a_time_cost_one_request() -> None:
    device = Device()

    async def all_at_a_time() -> list[Secret]:
        device.api.gate = asyncio.Event()
        request = SecretRequest("prod/api")
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(device.service.get(request, lambda _: None)) for _ in range(20)
            ]
            while not device.api.asked:
                await asyncio.sleep(0)
            device.api.gate.set()
        return [task.result() for task in tasks]

    assert {secret.value for secret in asyncio.run(all_at_a_time())} == {"new"}
    assert len(device.api.asked) == 1


def test_a_secret_does_not_show_its_value() -> None:
    assert "hunter2" not in repr(Secret(ARN, "v", (), "hunter2"))
