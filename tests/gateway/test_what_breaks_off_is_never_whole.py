"""An engine or a client that goes away: nobody is told that something is complete that isn't."""

from __future__ import annotations

import asyncio
from pathlib import Path
from resource import RLIM_INFINITY

import pytest
from gateway_scene import (
    GET,
    OK,
    QUICK,
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

from greendock.docker.gateway.connection import most_connections

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"


@pytest.mark.parametrize(
    "part",
    [
        CHUNKED,
        CHUNKED + b"5\r\nhel",
        CHUNKED + b"5\r\nhello\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\n",
        SIZED,
        SIZED + b"hello",
    ],
)
def test_an_engine_that_dies_in_mid_answer(folder: Path, part: bytes):
    heeded = Heeded()

    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(part)

    async def run() -> None:
        async with scene(folder, script, PassAll(heeded)) as s:
            reader, writer = await s.connect()
            writer.write(GET)
            assert await reader.read() == part
            await ended(writer)

    asyncio.run(run())
    assert heeded.ends == 1


def test_an_engine_that_says_no_http_in_mid_answer(folder: Path):
    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(CHUNKED + b"2\r\nhi\r\n")
        await side.say(b"no chunk\r\n0\r\n\r\n")
        await side.end()

    async def run() -> None:
        async with scene(folder, script) as s:
            reader, writer = await s.connect()
            writer.write(GET)
            assert not (await reader.read()).endswith(b"0\r\n\r\n")
            await ended(writer)

    asyncio.run(run())


@pytest.mark.parametrize("said", [b"", b"no HTTP\r\n\r\n", b"HTTP/1.1 200"])
def test_an_engine_that_does_not_answer(folder: Path, said: bytes):
    heeded = Heeded()

    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(said)

    async def run() -> None:
        async with scene(folder, script, PassAll(heeded)) as s:
            answer = await s.ask(GET.replace(b"GET", b"POST"), half_close=True)
            assert status_of(answer) == 502
            assert f"{folder}/engine.sock" in message_of(answer)
            assert "without an answer" in message_of(answer)

    asyncio.run(run())
    assert (heeded.ends, heeded.heads) == (1, [])


def test_an_absent_engine_is_named(folder: Path):
    async def run() -> None:
        async with scene(folder, answers_each) as s:
            (folder / "engine.sock").unlink()
            answer = await s.ask(GET, half_close=True)
            assert status_of(answer) == 503
            assert f"unix://{folder}/engine.sock" in message_of(answer)
            assert "No such file or directory" in message_of(answer)

    asyncio.run(run())


def test_an_engine_that_was_restarted_is_asked_on_a_new_connection(folder: Path):
    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(OK)

    async def run() -> None:
        async with scene(folder, script) as s:
            reader, writer = await s.connect()
            for count in range(1, 4):
                writer.write(GET)
                assert await reader.readexactly(len(OK)) == OK
                assert len(s.sides) == count
            await ended(writer)

    asyncio.run(run())


def test_a_kept_connection_that_dies_with_the_question_is_asked_again_once(folder: Path):
    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(OK)
        await side.head()  # and says nothing to it

    async def run() -> None:
        async with scene(folder, script) as s:
            reader, writer = await s.connect()
            for _ in range(2):
                writer.write(GET)
                assert await reader.readexactly(len(OK)) == OK
            writer.write(GET.replace(b"GET", b"POST"))
            assert status_of(await reader.readuntil(b"\r\n\r\n")) == 502
            assert [x.count(b"GET") for x in s.received] == [2, 1]
            await ended(writer)

    asyncio.run(run())


def test_a_client_that_leaves_ends_what_it_waited_for(folder: Path):
    ends: list[bytes] = []

    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(CHUNKED + b"2\r\nhi\r\n")
        ends.append(await side.end())

    async def run() -> None:
        async with scene(folder, script) as s:
            reader, writer = await s.connect()
            writer.write(GET)
            await reader.readuntil(b"hi\r\n")
            await ended(writer)
            await eventually(lambda: ends == [GET])
            await eventually(lambda: not s.gateway.open_connections)

    asyncio.run(run())


def test_a_client_that_ends_its_direction_still_gets_the_answer(folder: Path):
    async def script(side: EngineSide) -> None:
        await side.end()
        await side.say(OK)

    async def run() -> None:
        async with scene(folder, script) as s:
            assert await s.ask(GET, half_close=True) == OK

    asyncio.run(run())


def test_an_answer_that_is_heeded_is_read_after_the_client_left(folder: Path):
    """A container that was made is known, although its client died before it heard so."""
    heeded = Heeded()

    async def script(side: EngineSide) -> None:
        await side.end()
        await side.say(b"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\n")
        await side.say(b"made")

    async def run() -> None:
        async with scene(folder, script, PassAll(heeded)) as s:
            _, writer = await s.connect()
            writer.write(GET)
            await eventually(lambda: s.sides)
            await ended(writer)
            await eventually(lambda: heeded.ends)

    asyncio.run(run())
    assert (heeded.body, heeded.ends) == (b"made", 1)


@pytest.mark.parametrize(
    "body",
    [b"Content-Length: 9\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
)
def test_an_upload_that_breaks_off_is_not_whole_at_the_engine(folder: Path, body: bytes):
    raw = b"POST /x HTTP/1.1\r\nHost: d\r\n" + body
    ends: list[bytes] = []

    async def script(side: EngineSide) -> None:
        ends.append(await side.end())

    async def run() -> None:
        async with scene(folder, script) as s:
            _, writer = await s.connect()
            writer.write(raw)
            await eventually(lambda: s.received == [raw] or s.sides)
            await ended(writer)
            await eventually(lambda: ends == [raw])

    asyncio.run(run())


def test_a_head_that_never_ends_is_not_waited_for(folder: Path):
    async def run() -> None:
        async with scene(folder, answers_each) as s:
            reader, writer = await s.connect()
            writer.write(GET[:-2])
            assert status_of(await reader.readuntil(b"\r\n\r\n")) == 408
            await ended(writer)
            assert s.received == []

    asyncio.run(run())


@pytest.mark.parametrize(
    ("files", "connections"), [(20, 16), (1024, 128), (1 << 20, 1024), (RLIM_INFINITY, 1024)]
)
def test_one_component_takes_a_quarter_of_the_cores_files_at_most(files, connections):
    assert most_connections(files) == connections


def test_more_connections_than_allowed_are_told_so(folder: Path):
    from dataclasses import replace

    async def run() -> None:
        async with scene(folder, answers_each, limits=replace(QUICK, connections=2)) as s:
            kept = [await s.connect() for _ in range(2)]
            for reader, writer in kept:
                writer.write(GET)
                assert await reader.readexactly(len(OK)) == OK
            answer = await s.ask(GET)
            assert status_of(answer) == 503
            assert "2 connections" in message_of(answer)
            for _, writer in kept:
                await ended(writer)
            await eventually(lambda: not s.gateway.open_connections)
            assert await s.ask(GET, half_close=True) == OK

    asyncio.run(run())


def test_closing_cuts_what_is_open(folder: Path):
    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(CHUNKED + b"2\r\nhi\r\n")
        await side.end()

    async def run() -> None:
        async with scene(folder, script) as s:
            waiting = [await s.connect() for _ in range(3)]
            for reader, writer in waiting[1:]:
                writer.write(GET)
                await reader.readuntil(b"hi\r\n")
            await s.gateway.close()
            assert not s.path.parent.exists()
            for reader, writer in waiting:
                assert await reader.read() == b""
                await ended(writer)
            assert s.gateway.open_connections == 0

    asyncio.run(run())
