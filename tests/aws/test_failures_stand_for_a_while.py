"""What the cloud answered stands for components as long as is configured, to the second."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from greendock.aws import errors as e
from greendock.aws.cached_source import CachedSource
from greendock.aws.credentials import AwsCredentials
from greendock.aws.failures import FailureKind, kind_of
from greendock.aws.iot import IotSource, RoleAlias
from greendock.config.token_exchange import RetrySeconds
from greendock.net.errors import ConnectionBroken, NameNotResolved, TlsFailed
from greendock.net.http import Answer


class Cloud:
    """A clock, and a source that fails until a test says otherwise."""

    def __init__(self, error):
        self.time = 1_000_000.0
        self.error = error
        self.asked = 0
        self.left_s = 3600.0

    def now(self):
        return self.time

    def monotonic(self):
        return self.time

    async def credentials(self):
        self.asked += 1
        if self.error is not None:
            raise self.error
        return AwsCredentials(f"id-{self.asked}", "secret", "token", self.time + self.left_s)


def answered(status):
    kinds = {4: e.AccessDenied, 5: e.ServiceFailed, 3: e.BadRequest, 2: e.BadRequest}
    error = kinds[status // 100](f"cannot get AWS credentials: {status}")
    error.http_status = status
    return error


def unreachable():
    return e.CredentialsUnavailable("cannot get AWS credentials: no way")


async def is_asked(cached, cloud):
    """Whether a component's call gets to the cloud; what it brings is the same either way."""
    before = cloud.asked
    with pytest.raises(e.AwsError) as failed:
        await cached.for_components()
    assert failed.value is cloud.error
    return cloud.asked > before


@pytest.mark.parametrize(
    ("status", "stands_s"),
    [(400, 120), (403, 120), (404, 120), (429, 120), (500, 60), (503, 60), (302, 300), (202, 300)],
)
def test_by_class_to_the_second(status, stands_s):
    async def scenario():
        cloud = Cloud(answered(status))
        cached = CachedSource(cloud, cloud)
        assert await is_asked(cached, cloud)
        cloud.time += stands_s - 1
        assert not await is_asked(cached, cloud)
        cloud.time += 2
        assert await is_asked(cached, cloud)

    asyncio.run(scenario())


def test_the_configured_times_count_at_once():
    async def scenario():
        cloud, retry = Cloud(answered(403)), [RetrySeconds()]
        cached = CachedSource(cloud, cloud, lambda: retry[0])
        await is_asked(cached, cloud)
        cloud.time += 11
        assert not await is_asked(cached, cloud)
        retry[0] = RetrySeconds(client_error_s=10)
        assert await is_asked(cached, cloud)

    asyncio.run(scenario())


@pytest.mark.parametrize("status", [403, 503])
def test_the_cores_own_work_waits_for_seconds_only(status):
    async def scenario():
        cloud = Cloud(answered(status))
        cached = CachedSource(cloud, cloud)
        await is_asked(cached, cloud)
        cloud.time += 6
        assert not await is_asked(cached, cloud)
        cloud.error = None
        assert (await cached.credentials()).access_key_id == "id-2"
        # What it got is for components as well.
        assert (await cached.for_components()).access_key_id == "id-2"

    asyncio.run(scenario())


def test_a_cloud_out_of_reach_is_asked_again_within_a_quarter_of_a_minute():
    async def scenario():
        cloud = Cloud(unreachable())
        cached = CachedSource(cloud, cloud)
        for stands_s in (5, 10, 15, 15):
            assert await is_asked(cached, cloud)
            cloud.time += stands_s - 0.5
            assert not await is_asked(cached, cloud)
            cloud.time += 0.5

    asyncio.run(scenario())


def test_news_of_the_network_end_only_what_the_network_was_to_blame_for():
    async def scenario():
        for error, asks in ((unreachable(), True), (answered(403), False), (answered(503), False)):
            cloud = Cloud(error)
            cached = CachedSource(cloud, cloud)
            await is_asked(cached, cloud)
            cached.network_changed()
            assert await is_asked(cached, cloud) is asks

    asyncio.run(scenario())


def test_what_makes_no_sense_does_not_stand():
    async def scenario():
        cloud = Cloud(e.ServiceFailed("cannot get AWS credentials: what is that"))
        cached = CachedSource(cloud, cloud)
        assert [await is_asked(cached, cloud) for _ in range(3)] == [True] * 3

    asyncio.run(scenario())


@pytest.mark.parametrize("left_s", [0.0, -1.0])
def test_those_that_are_over_are_none(left_s):
    async def scenario():
        cloud = Cloud(None)
        cloud.left_s = left_s
        cached = CachedSource(cloud, cloud)
        for asked in (1, 2):
            with pytest.raises(e.CredentialsExpired, match="over already"):
                await cached.for_components()
            assert cloud.asked == asked
        cloud.left_s = 1.0
        assert (await cached.for_components()).access_key_id == "id-3"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("left_s", "later_s", "asked"),
    [(301, 149, 1), (300, 149, 1), (300, 150, 2), (3600, 2699, 1), (3600, 2700, 2)],
)
def test_they_are_kept_until_a_quarter_of_an_hour_before_or_half(left_s, later_s, asked):
    async def scenario():
        cloud = Cloud(None)
        cloud.left_s = left_s
        cached = CachedSource(cloud, cloud)
        await cached.for_components()
        cloud.time += later_s
        await cached.for_components()
        assert cloud.asked == asked

    asyncio.run(scenario())


@pytest.mark.parametrize("error", [answered(403), answered(503), unreachable()])
def test_old_ones_serve_to_their_end_whatever_the_cloud_says(error):
    async def scenario():
        cloud = Cloud(None)
        cached = CachedSource(cloud, cloud)
        await cached.for_components()
        cloud.error = error
        for later_s in (2700, 899):
            cloud.time += later_s
            assert (await cached.for_components()).access_key_id == "id-1"
        cloud.time += 1
        with pytest.raises(e.AwsError):
            await cached.for_components()

    asyncio.run(scenario())


def test_kinds():
    assert kind_of(answered(499)) is FailureKind.CLIENT
    assert kind_of(answered(500)) is FailureKind.SERVER
    assert kind_of(answered(302)) is FailureKind.UNKNOWN
    assert kind_of(unreachable()) is FailureKind.UNREACHABLE


class BreakingHttp:
    """The HTTP client of a network whose connections break so many times."""

    def __init__(self, error, breaks):
        self.error = error
        self.left = breaks
        self.asked = 0

    async def ask(self, request):
        self.asked += 1
        if self.left:
            self.left -= 1
            raise self.error("cannot reach the provider", host="c1.example.com")
        return Answer(403, {}, b"")


@pytest.mark.parametrize(
    ("error", "breaks", "asked", "raised"),
    [
        (ConnectionBroken, 2, 3, e.AccessDenied),
        (ConnectionBroken, 3, 3, e.CredentialsUnavailable),
        (NameNotResolved, 1, 1, e.CredentialsUnavailable),
        (TlsFailed, 1, 1, e.CredentialsUnavailable),
    ],
)
def test_a_connection_that_breaks_is_tried_again(error, breaks, asked, raised):
    http = BreakingHttp(error, breaks)
    role = RoleAlias("alias", "c1.example.com", "thing", Path("/c"), Path("/k"))
    with pytest.raises(raised) as failed:
        asyncio.run(IotSource(role, http).credentials())
    assert type(failed.value) is raised
    assert http.asked == asked
    assert failed.value.http_status == (403 if raised is e.AccessDenied else None)
