"""Requests and answers pass as they are, one after another, whatever the order of their ends."""

from __future__ import annotations

import asyncio
import os
import resource
from pathlib import Path

import pytest
from gateway_scene import (
    GET,
    OK,
    EngineSide,
    Heeded,
    PassAll,
    answers_each,
    ended,
    eventually,
    message_of,
    scene,
    status_of,
)

from greendock.docker.errors import EngineAddressError
from greendock.docker.gateway.exchange import Forward, Refuse, RequestHead

CLOSING = b"GET /x HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"


def post(*headers: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join((b"POST /x HTTP/1.1", b"Host: d", *headers)) + b"\r\n\r\n" + body


def test_a_request_arrives_as_it_was_sent(folder: Path):
    async def run() -> None:
        async with scene(folder, answers_each) as s:
            raw = b"GET /v1.41/x?a=%20b HTTP/1.1\r\nhost: d\r\nX-A: 1\r\nX-A:  2\r\n\r\n"
            assert await s.ask(raw, half_close=True) == OK
            assert s.received == [raw.replace(b"  2", b" 2")]

    asyncio.run(run())


def test_kept_connections_carry_one_request_after_another(folder: Path):
    rules = PassAll()

    async def run() -> None:
        async with scene(folder, answers_each, rules) as s:
            reader, writer = await s.connect()
            for _ in range(3):
                writer.write(GET)
                assert await reader.readexactly(len(OK)) == OK
            assert s.received == [GET * 3]
            assert (len(rules.heads), s.gateway.accepted) == (3, 1)
            await ended(writer)

    asyncio.run(run())


def test_pipelined_requests_go_one_by_one(folder: Path):
    async def script(side: EngineSide) -> None:
        for count in range(1, 4):
            await side.until(GET)
            assert side.received == GET * count
            await side.say(OK)
        await side.end()

    async def run() -> None:
        async with scene(folder, script) as s:
            assert await s.ask(GET * 3, half_close=True) == OK * 3
            assert s.received == [GET * 3]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("answer", "request_line"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"HEAD /x HTTP/1.1"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"DELETE /x HTTP/1.1"),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"POST /x HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"GET /x HTTP/1.1"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", b"GET /x HTTP/1.1"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n",
            b"GET /x HTTP/1.1",
        ),
    ],
)
def test_answers_end_where_they_end(folder: Path, answer: bytes, request_line: bytes):
    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(answer)
        await side.head()
        await side.say(OK)
        await side.end()

    async def run() -> None:
        async with scene(folder, script) as s:
            raw = request_line + b"\r\nHost: d\r\n\r\n" + GET
            assert await s.ask(raw, half_close=True) == answer + OK
            assert len(s.sides) == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([b"Content-Length: 5"], b"hello"),
        ([b"Transfer-Encoding: chunked"], b"5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"),
    ],
)
def test_bodies_pass_as_they_come(folder: Path, headers: list[bytes], body: bytes):
    raw = post(*headers, body=body)

    async def script(side: EngineSide) -> None:
        await side.until(raw)
        await side.say(OK)
        await side.until(GET)
        await side.say(OK)
        await side.end()

    async def run() -> None:
        async with scene(folder, script) as s:
            reader, writer = await s.connect()
            for at in range(len(raw)):
                writer.write(raw[at : at + 1])
                await writer.drain()
            assert await reader.readexactly(len(OK)) == OK
            writer.write(GET)
            assert await reader.readexactly(len(OK)) == OK
            await ended(writer)

    asyncio.run(run())


def test_an_answer_may_begin_before_the_body_ends(folder: Path):
    async def script(side: EngineSide) -> None:
        await side.until(b"5\r\nhello\r\n")
        await side.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
        await side.until(b"0\r\n\r\n")
        await side.say(b"0\r\n\r\n")

    async def run() -> None:
        async with scene(folder, script) as s:
            reader, writer = await s.connect()
            writer.write(post(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n"))
            assert (await reader.readuntil(b"hi\r\n")).startswith(b"HTTP/1.1 200")
            writer.write(b"0\r\n\r\n")
            assert await reader.readexactly(5) == b"0\r\n\r\n"
            await ended(writer)

    asyncio.run(run())


def test_a_client_that_still_sends_gets_an_early_error(folder: Path):
    refusal = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"

    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(refusal)

    async def run() -> None:
        async with scene(folder, script) as s:
            reader, writer = await s.connect()
            writer.write(post(b"Content-Length: 9000000", body=b"x" * 3_000_000))
            assert await reader.readexactly(len(refusal)) == refusal
            assert await reader.read() == b""
            await ended(writer)
            await eventually(lambda: not s.gateway.open_connections)

    asyncio.run(run())


def test_continue_comes_from_the_engine_for_bodies_that_pass(folder: Path):
    async def script(side: EngineSide) -> None:
        assert b"Expect: 100-continue" in await side.head()
        await side.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        await side.until(b"hello")
        await side.say(OK)

    async def run() -> None:
        async with scene(folder, script) as s:
            reader, writer = await s.connect()
            writer.write(post(b"Content-Length: 5", b"Expect: 100-continue"))
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"hello")
            assert await reader.readexactly(len(OK)) == OK
            await ended(writer)

    asyncio.run(run())


def test_a_client_that_expected_to_go_on_and_may_not_is_let_go(folder: Path):
    refusal = b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"

    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(refusal)
        assert (await side.end()).endswith(b"\r\n\r\n")

    async def run() -> None:
        async with scene(folder, script) as s:
            raw = post(b"Content-Length: 5", b"Expect: 100-continue")
            assert await s.ask(raw) == refusal

    asyncio.run(run())


class Collecting(PassAll):
    """Collects bodies and sends something else."""

    def __init__(self, limit: int = 10, instead: bytes | None = b"changed") -> None:
        super().__init__()
        self.limit = limit
        self.instead = instead
        self.bodies: list[bytes | None] = []

    def needs_body(self, head: RequestHead) -> int | None:
        return self.limit

    async def judge(self, head: RequestHead, body: bytes | None) -> Forward | Refuse:
        self.bodies.append(body)
        return Forward(head, self.instead)


@pytest.mark.parametrize("instead", [b"changed", b"", None])
def test_a_collected_body_is_sent_with_its_length(folder: Path, instead: bytes | None):
    rules = Collecting(instead=instead)
    sent = b"hello" if instead is None else instead
    expected = b"POST /x HTTP/1.1\r\nHost: d\r\nX: y\r\nContent-Length: %d\r\n\r\n" % len(sent)

    async def script(side: EngineSide) -> None:
        await side.until(expected + sent)
        await side.say(OK)
        await side.end()

    async def run() -> None:
        async with scene(folder, script, rules) as s:
            reader, writer = await s.connect()
            writer.write(post(b"Transfer-Encoding: chunked", b"Expect: 100-continue", b"X: y"))
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")
            assert await reader.readexactly(len(OK)) == OK
            await ended(writer)
            assert (rules.bodies, s.received) == ([b"hello"], [expected + sent])

    asyncio.run(run())


def test_a_request_without_a_body_stays_one(folder: Path):
    async def run() -> None:
        async with scene(folder, answers_each, Collecting(instead=None)) as s:
            assert await s.ask(GET, half_close=True) == OK
            assert s.received == [GET]

    asyncio.run(run())


@pytest.mark.parametrize(
    "raw",
    [
        post(b"Content-Length: 11", body=b"hello worl"),
        post(b"Transfer-Encoding: chunked", body=b"6\r\nhello \r\n5\r\nworld\r\n"),
    ],
)
def test_a_body_that_is_too_long_is_refused(folder: Path, raw: bytes):
    async def run() -> None:
        async with scene(folder, answers_each, Collecting()) as s:
            answer = await s.ask(raw, half_close=True)
            assert status_of(answer) == 413
            assert "longer than 10 bytes" in message_of(answer)
            assert s.received == []

    asyncio.run(run())


class Refusing(PassAll):
    async def judge(self, head: RequestHead, body: bytes | None) -> Forward | Refuse:
        return Refuse(403, "no: never") if head.target == "/no" else Forward(head)


def test_a_refusal_looks_like_the_engines_and_the_connection_goes_on(folder: Path):
    async def run() -> None:
        async with scene(folder, answers_each, Refusing()) as s:
            no = b"GET /no HTTP/1.1\r\nHost: d\r\n\r\n"
            answer = await s.ask(no + GET, half_close=True)
            assert answer.startswith(
                b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n"
            )
            assert b'{"message": "no: never"}\n' + OK in answer
            head = await s.ask(no.replace(b"GET", b"HEAD"), half_close=True)
            assert head.endswith(b"\r\n\r\n")
            assert s.received == [GET]

    asyncio.run(run())


def test_a_refusal_reaches_a_client_in_mid_upload(folder: Path):
    async def run() -> None:
        async with scene(folder, answers_each, Refusing()) as s:
            reader, writer = await s.connect()
            writer.write(b"POST /no HTTP/1.1\r\nHost: d\r\nContent-Length: 90000000\r\n\r\n")
            writer.write(b"x" * 5_000_000)
            answer = await reader.read()
            assert (status_of(answer), message_of(answer)) == (403, "no: never")
            await ended(writer)
            assert s.received == []

    asyncio.run(run())


class Broken(PassAll):
    async def judge(self, head: RequestHead, body: bytes | None) -> Forward | Refuse:
        raise RuntimeError("the rules fail")


def test_rules_that_fail_forward_nothing(folder: Path, caplog: pytest.LogCaptureFixture):
    async def run() -> None:
        async with scene(folder, answers_each, Broken()) as s:
            answer = await s.ask(GET, half_close=True)
            assert status_of(answer) == 500
            assert "the rules fail" not in message_of(answer)
            assert s.received == []

    asyncio.run(run())
    assert "cannot judge" in caplog.text


class Unbuilt(PassAll):
    def needs_body(self, head: RequestHead) -> int | None:
        raise EngineAddressError("cannot use the engine address 'ssh://x'", hint="use tcp://")


def test_rules_that_cannot_be_made_tell_the_client_why(folder: Path, caplog):
    async def run() -> None:
        async with scene(folder, answers_each, Unbuilt()) as s:
            answer = await s.ask(GET, half_close=True)
            assert status_of(answer) == 503
            assert "cannot use the engine address 'ssh://x'" in message_of(answer)
            assert s.received == []

    asyncio.run(run())
    assert "Traceback" not in caplog.text


def test_http_1_0_and_close_end_the_connection(folder: Path):
    until_close = b"HTTP/1.0 200 OK\r\n\r\nto the end"

    async def script(side: EngineSide) -> None:
        head = await side.head()
        await side.say(until_close if b"HTTP/1.0" in head else OK)

    async def run() -> None:
        async with scene(folder, script) as s:
            assert await s.ask(b"GET /x HTTP/1.0\r\n\r\n") == until_close
            assert await s.ask(CLOSING + GET) == OK
            assert s.received == [b"GET /x HTTP/1.0\r\n\r\n", CLOSING]

    asyncio.run(run())


def test_who_heeds_sees_the_content(folder: Path):
    heeded = Heeded()

    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(b"HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await side.say(b"2\r\nde\r\n0\r\n\r\n")
        await side.end()

    async def run() -> None:
        async with scene(folder, script, PassAll(heeded)) as s:
            answer = await s.ask(GET, half_close=True)
            assert answer.endswith(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    asyncio.run(run())
    assert ([x.status for x in heeded.heads], heeded.body, heeded.ends) == ([201], b"abcde", 1)


class FailingHeed(Heeded):
    def passes(self, piece: bytes) -> None:
        raise RuntimeError("heeding fails")


def test_one_who_heeds_and_fails_takes_nothing_from_the_client(
    folder: Path, caplog: pytest.LogCaptureFixture
):
    heeded = FailingHeed()

    async def run() -> None:
        async with scene(folder, answers_each, PassAll(heeded)) as s:
            assert await s.ask(GET * 2, half_close=True) == OK * 2

    asyncio.run(run())
    assert heeded.ends == 2
    assert "heeding fails" in caplog.text


def test_headers_are_in_no_log(folder: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG")

    async def script(side: EngineSide) -> None:
        await side.head()

    async def run() -> None:
        async with scene(folder, script) as s:
            raw = b"GET /x?key=hidden HTTP/1.1\r\nHost: d\r\nX-Registry-Auth: hidden\r\n\r\n"
            await s.ask(raw, half_close=True)
            await s.ask(raw[:-2] + b"odd line\r\n\r\n", half_close=True)

    asyncio.run(run())
    assert "cannot reach" in caplog.text
    assert "hidden" not in caplog.text


def test_memory_stays_flat_when_the_reader_is_slow(folder: Path):
    total = 400_000_000
    piece = os.urandom(1 << 20)
    gate = asyncio.Event()
    sent: list[int] = []

    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        left = total
        while left:
            part = piece[:left]
            await side.say(part)
            left -= len(part)
            sent.append(len(part))

    async def run() -> None:
        async with scene(folder, script) as s:
            reader, writer = await s.connect()
            writer.write(GET)
            await reader.readuntil(b"\r\n\r\n")
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            await asyncio.wait([asyncio.ensure_future(gate.wait())], timeout=0.5)
            assert sum(sent) < 20_000_000
            got = 0
            while got < total:
                got += len(await reader.read(1 << 20))
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            assert after - before < 30_000
            await ended(writer)

    asyncio.run(run())
