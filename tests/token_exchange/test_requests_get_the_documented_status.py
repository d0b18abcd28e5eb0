"""Each request to the credential endpoint gets the status of the documents, in their order."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest
from exchange_scene import CLIENT, OTHER, PATH, TOKEN, ask, send

from greendock.token_exchange.answers import Answer, refused
from greendock.token_exchange.listener import Limits, Listener
from greendock.token_exchange.port_choice import listen_on


def test_exactly_the_four_members(serve, core):
    async def scenario(service):
        reply = await ask(service)
        assert reply.status == 200
        assert reply.headers["content-type"] == "application/json"
        assert reply.keys == {
            "AccessKeyId": "ASIA1",
            "SecretAccessKey": "secret-of-the-test",
            "Token": "session-of-the-test",
            "Expiration": "2027-01-15T09:00:00Z",
        }

    serve(scenario)


def test_keys_without_a_session_and_an_end_have_all_members(serve, core):
    async def scenario(service):
        core.lifetime_s = core.session_token = None
        keys = (await ask(service)).keys
        assert keys["Token"] == ""
        assert keys["Expiration"] == "2027-01-15T09:00:00Z"

    serve(scenario)


@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("POST", PATH, TOKEN, 405),
        ("HEAD", PATH, TOKEN, 405),
        ("PUT", "/other", None, 405),
        ("OPTIONS", PATH, TOKEN, 405),
        ("DELETE", PATH, None, 405),
        ("GET", PATH[:-1], TOKEN, 404),
        ("GET", "/", None, 404),
        ("GET", "/latest/meta-data/", TOKEN, 404),
        ("GET", f"/x{PATH}", TOKEN, 404),
        ("GET", f"{PATH}more", TOKEN, 400),
        ("GET", f"{PATH}more", None, 400),
        ("GET", f"{PATH}/", TOKEN, 400),
        ("GET", f"{PATH}?a=b", TOKEN, 200),
        ("GET", f"{PATH}?", TOKEN, 200),
        ("GET", PATH, None, 403),
        ("GET", PATH, "", 403),
        ("GET", PATH, "W" * 32, 403),
        ("GET", PATH, TOKEN[:-1], 403),
        ("GET", PATH, TOKEN.lower(), 403),
        ("GET", PATH, f"Bearer {TOKEN}", 403),
        ("GET", PATH, OTHER, 403),
        ("GET", PATH, CLIENT, 200),
    ],
)
def test_status(serve, core, method, path, token, status):
    async def scenario(service):
        reply = await ask(service, token, path, method)
        assert reply.status == status
        assert (reply.body == b"") is (status != 200)
        assert core.asked == (status == 200)

    serve(scenario)


def test_the_method_comes_before_the_path():
    assert refused("POST", "/other") == Answer(405)
    assert refused("GET", "/other") == Answer(404)
    assert refused("GET", PATH) is None


def test_two_tokens_are_none(serve):
    async def scenario(service):
        lines = f"GET {PATH} HTTP/1.1\r\nHost: x\r\n" + f"Authorization: {TOKEN}\r\n" * 2 + "\r\n"
        assert b" 403 " in (await send(("127.0.0.1", service.port), lines.encode()))[:20]

    serve(scenario)


def test_a_token_that_was_taken_back_opens_nothing(serve, core):
    async def scenario(service):
        assert (await ask(service)).status == 200
        del core.tokens[TOKEN]
        assert (await ask(service)).status == 403

    serve(scenario)


def test_one_who_waits_does_not_keep_others(serve, core):
    async def scenario(service):
        core.hold = asyncio.Event()
        waiting = [asyncio.create_task(ask(service)) for _ in range(20)]
        while core.asked == 0:
            await asyncio.sleep(0)
        assert (await ask(service, "W" * 32)).status == 403
        assert (await ask(service, path="/other")).status == 404
        core.hold.set()
        replies = await asyncio.gather(*waiting)
        assert {reply.keys["AccessKeyId"] for reply in replies} == {"ASIA1"}
        assert core.asked == 1

    serve(scenario)


def test_who_waits_too_long_is_told(serve, core):
    async def scenario(service):
        core.hold = asyncio.Event()
        service._endpoint._wait_s = 0.05
        assert (await ask(service)).status == 504
        core.hold.set()

    serve(scenario)


def test_a_fault_of_ours_is_a_500(serve, core, caplog):
    async def scenario(service):
        core.fault = RuntimeError("a fault")
        assert (await ask(service)).status == 500

    serve(scenario)
    assert "nobody foresaw" in caplog.text


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 100,
        b"GET " + b"a" * 10_000 + b" HTTP/1.1\r\n\r\n",
        f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {TOKEN}\0\r\n\r\n".encode(),
        f"GET {PATH} HTTP/1.1\r\nAuthorization: {'T' * 8000}\r\n\r\n".encode(),
        f"GET {PATH} HTTP/1.1\r\n".encode() + b"X: y\r\n" * 200 + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        f"GET {PATH} HTTP/1.1\r\nContent-Length: -1\r\n\r\n".encode(),
    ],
)
def test_what_is_no_request_harms_nobody(serve, core, data):
    async def scenario(service):
        received = await send(("127.0.0.1", service.port), data)
        assert received[:12] in (b"HTTP/1.1 400", b"HTTP/1.0 400"), received
        assert core.asked == 0
        assert (await ask(service)).status == 200

    serve(scenario)


def test_a_client_that_hangs_up_harms_nobody(serve, core):
    async def scenario(service):
        core.hold = asyncio.Event()
        _, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(f"GET {PATH} HTTP/1.0\r\nAuthorization: {TOKEN}\r\n\r\n".encode())
        while core.asked == 0:
            await asyncio.sleep(0)
        writer.transport.abort()
        core.hold.set()
        assert (await ask(service)).status == 200

    serve(scenario)


def test_each_connection_is_for_one_request(serve, core):
    async def scenario(service):
        data = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {TOKEN}\r\n\r\n".encode()
        received = await send(("127.0.0.1", service.port), data * 2)
        assert received.count(b"HTTP/1.1 200") == 1

    serve(scenario)


async def granted(*_):
    return Answer(200)


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def with_limits(limits, scenario, admits=lambda _: True, respond=granted):
    async def whole():
        listening = listen_on("127.0.0.1", 0)
        address = listening.getsockname()
        listener = Listener(listening, respond, admits, limits)
        try:
            async with asyncio.timeout(20):
                await scenario(address)
        finally:
            await listener.close()

    asyncio.run(whole())


REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("began", [b"", b"GET / HTTP/1.1\r\nHost:"])
def test_who_says_nothing_is_hung_up_on(began):
    async def scenario(address):
        assert await send(address, began) == b""

    with_limits(Limits(head_s=0.1), scenario)


@pytest.mark.parametrize("limits", [Limits(connections=2), Limits(per_address=2)])
def test_who_says_nothing_for_the_longest_time_makes_room(limits):
    async def scenario(address):
        (reader, writer), second = [await asyncio.open_connection(*address) for _ in range(2)]
        assert (await send(address, REQUEST)).startswith(b"HTTP/1.1 200")
        with contextlib.suppress(ConnectionError):
            assert await reader.read(-1) == b""
        writer.close()
        reader, writer = second
        writer.write(REQUEST)
        assert (await reader.read(-1)).startswith(b"HTTP/1.1 200")
        writer.close()

    with_limits(limits, scenario)


@pytest.mark.parametrize("limits", [Limits(connections=2), Limits(per_address=2)])
def test_connections_are_limited(limits):
    async def scenario(address):
        asked = [asyncio.create_task(send(address, REQUEST)) for _ in range(2)]
        await until(lambda: len(held) == 2)
        assert await send(address, REQUEST) == b""
        for hold in held:
            hold.set()
        for answer in await asyncio.gather(*asked):
            assert answer.startswith(b"HTTP/1.1 200")
        assert (await send(address, REQUEST)).startswith(b"HTTP/1.1 200")

    held = []

    async def respond(*_):
        if len(held) < 2:
            held.append(asyncio.Event())
            await held[-1].wait()
        return Answer(200)

    with_limits(limits, scenario, respond=respond)


def test_connections_that_are_over_are_kept_by_nothing():
    """Thousands of them in a minute would take the memory of a small device."""

    async def scenario(address):
        loop = asyncio.get_running_loop()
        before = {id(handle) for handle in loop._scheduled}
        for _ in range(100):
            _, writer = await asyncio.open_connection(*address)
            writer.close()
        assert (await send(address, REQUEST)).startswith(b"HTTP/1.1 200")
        waiting = [x for x in loop._scheduled if id(x) not in before and not x.cancelled()]
        assert len(waiting) < 50

    with_limits(Limits(), scenario)


def test_a_fault_with_one_connection_is_none_of_the_next():
    faults = [ValueError("not foreseen")]

    def admits(_peer):
        if faults:
            raise faults.pop()
        return True

    async def scenario(address):
        assert await send(address, REQUEST) == b""
        assert (await send(address, REQUEST)).startswith(b"HTTP/1.1 200")

    with_limits(Limits(), scenario, admits=admits)


def test_who_is_not_admitted_hears_nothing():
    async def scenario(address):
        assert await send(address, REQUEST) == b""

    with_limits(Limits(), scenario, admits=lambda peer: peer != "127.0.0.1")


def test_mutated_requests_get_nothing_that_they_should_not(serve, core):
    """A thousand requests with changed, missing and additional bytes."""
    whole = f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {TOKEN}\r\n\r\n".encode()
    chance = random.Random(7)

    def mutated():
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data))
            match chance.randrange(3):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    del data[at : at + chance.randint(1, 8)]
                case _:
                    data[at:at] = chance.randbytes(chance.randint(1, 8))
        return bytes(data)

    async def one(service, data):
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        try:
            writer.write(data)
            writer.write_eof()
            received = await reader.read(-1)
        except ConnectionError:
            return
        finally:
            writer.close()
        if b" 200 OK" in received:
            assert TOKEN.encode() in data

    async def scenario(service):
        for _ in range(50):
            await asyncio.gather(*(one(service, mutated()) for _ in range(20)))
        assert (await ask(service)).status == 200

    serve(scenario)
