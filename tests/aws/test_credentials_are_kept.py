"""Credentials are asked for once, renewed in time, and used to their very end when that fails."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from greendock.aws.cached_source import CachedSource
from greendock.aws.chain import ChainSource
from greendock.aws.credentials import AwsCredentials
from greendock.aws.errors import CredentialsUnavailable
from greendock.aws.iot import IotSource
from greendock.aws.sources import NoSource, StaticSource, source_of
from greendock.base.errors import ConfigurationError
from greendock.config.aws_settings import CredentialSettings, DeviceIdentity


class Clock:
    """Time that a test moves."""

    def __init__(self):
        self.time = 1_000_000.0

    def now(self):
        return self.time

    def monotonic(self):
        return self.time

    async def sleep(self, seconds):
        self.time += seconds


class Source:
    """Gives what a test says; counts."""

    def __init__(self, clock):
        self.clock = clock
        self.lifetime_s = 3600.0
        self.asked = 0
        self.fails = False
        self.hold = None

    async def credentials(self):
        self.asked += 1
        if self.hold is not None:
            await self.hold.wait()
        if self.fails:
            raise CredentialsUnavailable("cannot get AWS credentials: out of reach")
        ends = None if self.lifetime_s == float("inf") else self.clock.now() + self.lifetime_s
        return AwsCredentials(f"id-{self.asked}", "secret", "token", ends)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def source(clock):
    return Source(clock)


def test_all_who_ask_at_a_time_share_one_answer(clock, source):
    async def scenario():
        source.hold = asyncio.Event()
        cached = CachedSource(source, clock)
        callers = [asyncio.create_task(cached.credentials()) for _ in range(5)]
        await asyncio.sleep(0)
        callers[0].cancel()
        await asyncio.sleep(0)
        source.hold.set()
        found = await asyncio.gather(*callers[1:])
        assert {each.access_key_id for each in found} == {"id-1"}
        assert source.asked == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("lifetime_s", [3600.0, float("inf")])
def test_a_time_of_day_that_is_put_back_makes_them_last_no_longer(lifetime_s):
    """A device without a battery for its clock may begin years ahead."""

    class Jumping(Clock):
        ahead_s = 10 * 365 * 86400.0

        def now(self):
            return self.time + self.ahead_s

    async def scenario():
        clock = Jumping()
        source = Source(clock)
        source.lifetime_s = lifetime_s
        cached = CachedSource(source, clock)
        await cached.credentials()
        clock.ahead_s = 0.0
        clock.time += 3600.0
        await cached.credentials()
        assert source.asked == 2

    asyncio.run(scenario())


@pytest.mark.parametrize(("passed_s", "asked"), [(2699, 1), (2700, 2), (3599, 2)])
def test_they_are_renewed_a_quarter_of_an_hour_early(clock, source, passed_s, asked):
    async def scenario():
        cached = CachedSource(source, clock)
        await cached.credentials()
        clock.time += passed_s
        await cached.credentials()
        assert source.asked == asked

    asyncio.run(scenario())


def test_old_ones_serve_to_their_end_while_renewing_fails(clock, source):
    async def scenario():
        cached = CachedSource(source, clock)
        await cached.credentials()
        source.fails = True
        clock.time += 3599
        assert (await cached.credentials()).access_key_id == "id-1"
        clock.time += 1
        with pytest.raises(CredentialsUnavailable):
            await cached.credentials()

    asyncio.run(scenario())


def test_a_failure_is_kept_for_seconds_only(clock, source):
    async def scenario():
        source.fails = True
        cached = CachedSource(source, clock)
        for _ in range(3):
            with pytest.raises(CredentialsUnavailable):
                await cached.credentials()
        assert source.asked == 1
        source.fails = False
        clock.time += 5
        assert (await cached.credentials()).access_key_id == "id-2"

    asyncio.run(scenario())


def test_refused_ones_are_asked_for_anew(clock, source):
    async def scenario():
        cached = CachedSource(source, clock)
        await cached.credentials()
        cached.renew()
        assert (await cached.credentials()).access_key_id == "id-2"

    asyncio.run(scenario())


def test_a_file(tmp_path):
    path = tmp_path / "keys.json"
    path.write_text(
        json.dumps(
            {
                "AccessKeyId": "id",
                "SecretAccessKey": "secret",
                "Token": "token",
                "Expiration": "2030-01-01T00:00:00Z",
            }
        )
    )
    found = asyncio.run(StaticSource(path).credentials())
    assert found == AwsCredentials("id", "secret", "token", 1893456000.0)
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    "content", [None, "", "[]", '{"AccessKeyId": "top-secret"}', "top-secret"]
)
def test_a_faulty_file_is_told_without_its_content(tmp_path, content):
    path = tmp_path / "keys.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CredentialsUnavailable) as failed:
        asyncio.run(StaticSource(path).credentials())
    assert str(path) in failed.value.message
    assert "top-secret" not in failed.value.explain()
    assert failed.value.__cause__ is None


def test_what_is_missing_for_a_role_alias_is_named():
    identity = DeviceIdentity(role_alias="alias", credential_endpoint="c.example.com")
    with pytest.raises(ConfigurationError, match=r"system\.certificateFilePath, system\.private"):
        source_of(CredentialSettings("auto"), identity, "thing", None, None)  # type: ignore[arg-type]


def test_none_is_none():
    found = source_of(CredentialSettings("none"), DeviceIdentity(), "", None, None)  # type: ignore[arg-type]
    assert isinstance(found, NoSource)


def test_short_lived_ones_are_renewed_at_half_of_their_time(clock, source):
    async def scenario():
        source.lifetime_s = 900.0
        cached = CachedSource(source, clock)
        await cached.credentials()
        clock.time += 449
        await cached.credentials()
        assert source.asked == 1
        clock.time += 1
        assert (await cached.credentials()).access_key_id == "id-2"

    asyncio.run(scenario())


def test_keys_without_an_end_are_looked_at_again(tmp_path, clock):
    async def scenario():
        path = tmp_path / "keys.json"
        cached = CachedSource(StaticSource(path), clock)
        for key, passed_s, given in (("one", 0, "one"), ("two", 59, "one"), ("two", 1, "two")):
            path.write_text(json.dumps({"AccessKeyId": key, "SecretAccessKey": "secret"}))
            clock.time += passed_s
            assert (await cached.credentials()).access_key_id == given

    asyncio.run(scenario())


def test_many_who_were_refused_ask_for_new_ones_once(clock, source):
    async def scenario():
        cached = CachedSource(source, clock)
        old = await cached.credentials()
        for _ in range(3):
            cached.renew(old)
            assert (await cached.credentials()).access_key_id == "id-2"
        assert source.asked == 2

    asyncio.run(scenario())


def test_refused_ones_do_not_serve_while_renewing_fails(clock, source):
    async def scenario():
        cached = CachedSource(source, clock)
        cached.renew(await cached.credentials())
        source.fails = True
        with pytest.raises(CredentialsUnavailable):
            await cached.credentials()

    asyncio.run(scenario())


def test_the_pause_after_failures_grows_to_a_quarter_of_a_minute(clock, source):
    async def scenario():
        source.fails = True
        cached = CachedSource(source, clock)
        for asked, pause_s in enumerate((5, 10, 15, 15, 15), start=1):
            with pytest.raises(CredentialsUnavailable):
                await cached.credentials()
            assert source.asked == asked
            clock.time += pause_s - 0.5
            with pytest.raises(CredentialsUnavailable):
                await cached.credentials()
            assert source.asked == asked
            clock.time += 0.5

    asyncio.run(scenario())


def test_a_kept_failure_collects_no_traces(clock, source):
    def depth(error):
        trace, count = error.__traceback__, 0
        while trace is not None:
            trace, count = trace.tb_next, count + 1
        return count

    async def scenario():
        source.fails = True
        cached = CachedSource(source, clock)
        depths = set()
        for _ in range(4):
            with pytest.raises(CredentialsUnavailable) as failed:
                await cached.credentials()
            depths.add(depth(failed.value))
        assert max(depths) < 10
        assert len(depths) <= 2

    asyncio.run(scenario())


IDENTITY = DeviceIdentity(
    certificate_path="file:///etc/a%20b/device.pem",
    private_key_path="/etc/device.key",
    credential_endpoint="https://c1.credentials.iot.eu-west-1.amazonaws.com/",
    role_alias="alias",
)


def test_a_role_alias_is_read_from_the_configuration():
    found = source_of(CredentialSettings("auto"), IDENTITY, "thing", None, None)  # type: ignore[arg-type]
    assert isinstance(found, IotSource)
    role = found._role
    assert role.endpoint == "c1.credentials.iot.eu-west-1.amazonaws.com"
    assert (role.certificate, role.key) == (Path("/etc/a b/device.pem"), Path("/etc/device.key"))
    assert role.authority is None


def test_a_key_in_a_hardware_module_is_told():
    identity = replace(IDENTITY, private_key_path="pkcs11:object=key;type=private")
    with pytest.raises(
        ConfigurationError, match=r"system\.privateKeyPath is in a hardware module"
    ):
        source_of(CredentialSettings("iot"), identity, "thing", None, None)  # type: ignore[arg-type]


def test_without_a_role_alias_it_is_the_machines_own():
    found = source_of(CredentialSettings("auto"), DeviceIdentity(), "", None, None)  # type: ignore[arg-type]
    assert isinstance(found, ChainSource)
