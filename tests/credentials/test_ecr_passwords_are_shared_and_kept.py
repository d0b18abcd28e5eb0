"""One request to ECR per registry, whoever asks, until the password is about to expire."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from credential_scene import SECRET, FakeClock, FakeEcr

from greendock.base.errors import GreendockError, Retry
from greendock.docker.credentials.ecr_tokens import EcrPassword, EcrPasswords, EcrRegistry
from greendock.docker.errors import DockerError, EcrCredentialsFailed

HOUR_S = 3600.0
EAST = EcrRegistry("123456789012", "us-east-1", "123456789012.dkr.ecr.us-east-1.amazonaws.com")
WEST = EcrRegistry("123456789012", "us-west-2", "123456789012.dkr.ecr.us-west-2.amazonaws.com")


def run(action: Callable[[EcrPasswords, FakeEcr, FakeClock], Awaitable[Any]], **ecr: Any) -> Any:
    async def whole() -> Any:
        clock = FakeClock()
        port = FakeEcr(clock, **ecr)
        async with asyncio.timeout(20):
            return await action(EcrPasswords(port, clock), port, clock)

    return asyncio.run(whole())


async def until_asked(port: FakeEcr, times: int = 1) -> None:
    async with asyncio.timeout(5):
        while len(port.asked) < times:
            await asyncio.sleep(0)


def test_many_that_ask_at_once_share_one_request():
    async def action(passwords: EcrPasswords, port: FakeEcr, _clock: FakeClock) -> None:
        found = await asyncio.gather(*(passwords.password(EAST) for _ in range(50)))
        assert len(port.asked) == 1
        assert {x.password for x in found} == {f"{SECRET}-1"}

    run(action)


def test_each_registry_has_its_own():
    async def action(passwords: EcrPasswords, port: FakeEcr, _clock: FakeClock) -> None:
        east, west = await asyncio.gather(passwords.password(EAST), passwords.password(WEST))
        assert east.password != west.password
        assert sorted(region for _, region, _ in port.asked) == ["us-east-1", "us-west-2"]

    run(action)


@pytest.mark.parametrize(
    ("life_s", "good_s"),
    [
        (12 * HOUR_S, 12 * HOUR_S - 900),
        (HOUR_S, 0.9 * HOUR_S),
        (10.0, 9.0),
        (400 * 24 * HOUR_S, 12 * HOUR_S - 900),
    ],
)
def test_a_password_is_kept_until_shortly_before_it_expires(life_s: float, good_s: float):
    async def action(passwords: EcrPasswords, port: FakeEcr, clock: FakeClock) -> None:
        await passwords.password(EAST)
        clock.pass_time(good_s - 0.5)
        await passwords.password(EAST)
        assert len(port.asked) == 1
        clock.pass_time(1)
        await passwords.password(EAST)
        assert len(port.asked) == 2

    run(action, life_s=life_s)


@pytest.mark.parametrize("life_s", [0.0, -20.0, -400 * 24 * HOUR_S])
def test_a_password_that_is_old_already_is_used_once(life_s: float):
    async def action(passwords: EcrPasswords, port: FakeEcr, _clock: FakeClock) -> None:
        first, second = await asyncio.gather(passwords.password(EAST), passwords.password(EAST))
        assert first.password == second.password == f"{SECRET}-1"
        assert (await passwords.password(EAST)).password == f"{SECRET}-2"

    run(action, life_s=life_s)


def test_a_wall_clock_that_is_set_back_keeps_no_password_too_long():
    async def action(passwords: EcrPasswords, port: FakeEcr, clock: FakeClock) -> None:
        await passwords.password(EAST)
        clock.wall_s -= 300 * 24 * HOUR_S
        await passwords.password(EAST)
        assert len(port.asked) == 1
        clock.pass_time(12 * HOUR_S)
        await passwords.password(EAST)
        assert len(port.asked) == 2

    run(action)


def test_a_device_that_slept_asks_again():
    async def action(passwords: EcrPasswords, port: FakeEcr, clock: FakeClock) -> None:
        await passwords.password(EAST)
        clock.wall_s += 12 * HOUR_S
        await passwords.password(EAST)
        assert len(port.asked) == 2

    run(action)


def test_a_refused_password_is_forgotten_and_no_other():
    async def action(passwords: EcrPasswords, port: FakeEcr, _clock: FakeClock) -> None:
        first = await passwords.password(EAST)
        west = await passwords.password(WEST)
        passwords.forget(first.password)
        second = await passwords.password(EAST)
        assert second.password != first.password
        assert (await passwords.password(WEST)).password == west.password
        passwords.forget(first.password)  # a slow caller that was refused with the old one
        assert (await passwords.password(EAST)).password == second.password
        assert len(port.asked) == 3

    run(action)


def test_who_is_cancelled_takes_nobody_along():
    async def action(passwords: EcrPasswords, port: FakeEcr, _clock: FakeClock) -> None:
        port.gate = asyncio.Event()
        first = asyncio.create_task(passwords.password(EAST))
        second = asyncio.create_task(passwords.password(EAST))
        await until_asked(port)
        first.cancel()
        await asyncio.wait([first])
        assert first.cancelled()
        port.gate.set()
        assert (await second).password == f"{SECRET}-1"
        assert (len(port.asked), port.cancelled) == (1, 0)

    run(action)


def test_a_request_that_nobody_waits_for_is_cancelled():
    async def action(passwords: EcrPasswords, port: FakeEcr, _clock: FakeClock) -> None:
        port.gate = asyncio.Event()
        tasks = [asyncio.create_task(passwords.password(EAST)) for _ in range(3)]
        await until_asked(port)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        late = asyncio.create_task(passwords.password(EAST))
        await until_asked(port, 2)
        assert port.cancelled == 1
        port.gate.set()
        assert (await late).password == f"{SECRET}-2"

    run(action)


def test_a_burst_shares_one_failure_and_the_next_one_asks_anew():
    async def action(passwords: EcrPasswords, port: FakeEcr, _clock: FakeClock) -> None:
        port.error = GreendockError("no", codes=("X",))
        tasks = [passwords.password(EAST) for _ in range(5)]
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(x, EcrCredentialsFailed) for x in found)
        assert len({id(x) for x in found}) == 5
        assert len(port.asked) == 1
        port.error = None
        assert (await passwords.password(EAST)).password == f"{SECRET}-2"

    run(action)


def failure(error: Exception) -> EcrCredentialsFailed:
    async def action(passwords: EcrPasswords, _port: FakeEcr, _clock: FakeClock) -> Any:
        with pytest.raises(EcrCredentialsFailed) as caught:
            await passwords.password(EAST)
        return caught.value

    found = run(action, error=error)
    assert isinstance(found, EcrCredentialsFailed)
    return found


def test_a_failure_keeps_what_the_port_says():
    codes = ("ARTIFACT_DOWNLOAD_ERROR", "NETWORK_ERROR")
    inner = GreendockError("no route", codes=codes, hint="plug it in", retry=Retry.WHEN_ONLINE)
    found = failure(inner)
    assert EAST.host in found.message
    assert "no route" in found.message
    assert (found.codes, found.hint, found.retry) == (codes, "plug it in", Retry.WHEN_ONLINE)
    assert found.__cause__ is inner


def test_codes_that_say_nothing_of_ecr_become_those_of_ecr():
    found = failure(GreendockError("odd", codes=("IO_ERROR",)))
    assert found.codes[-1] == "GET_ECR_CREDENTIAL_ERROR"


def test_how_long_to_wait_is_passed_on():
    assert failure(DockerError("slow down", retry_after_s=7.5)).retry_after_s == 7.5


def test_a_fault_in_the_port_is_not_dressed_up():
    async def action(passwords: EcrPasswords, port: FakeEcr, _clock: FakeClock) -> None:
        with pytest.raises(LookupError):
            await passwords.password(EAST)

    run(action, error=LookupError("bug"))


def test_nothing_secret_is_shown():
    shown = repr(EcrPassword("AWS", SECRET, 1.0))
    assert SECRET not in shown
    assert "AWS" not in shown
