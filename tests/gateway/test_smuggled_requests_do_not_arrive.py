"""What is sent to hide a second request behind the first one: the bytes that reach the engine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from gateway_scene import EngineSide, PassAll, scene, status_of

HIDDEN = b"POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n"
FIRST = b"POST /x HTTP/1.1\r\nHost: d\r\n"


async def takes_everything(side: EngineSide) -> None:
    await side.end()


@pytest.mark.parametrize(
    "raw",
    [
        FIRST + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        FIRST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + HIDDEN,
        FIRST + b"Content-Length: 0\r\nContent-Length: 70\r\n\r\n" + HIDDEN,
        FIRST + b"Content-Length : 70\r\n\r\n" + HIDDEN,
        FIRST + b"X: y\r\n Content-Length: 70\r\n\r\n" + HIDDEN,
        FIRST + b"X: y\nContent-Length: 70\r\n\r\n" + HIDDEN,
        FIRST + b"X: y\n\n" + HIDDEN,
        FIRST + b"X: y\x00\r\n\r\n" + HIDDEN,
        FIRST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        FIRST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + HIDDEN,
        FIRST + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n" + HIDDEN,
        FIRST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
        b"GET /x HTTP/1.1 HTTP/1.1\r\nHost: d\r\n\r\n" + HIDDEN,
        b"\r\n" + HIDDEN,
        b"X" * 70_000 + HIDDEN,
    ],
)
def test_nothing_of_it_arrives(folder: Path, raw: bytes):
    rules = PassAll()

    async def run() -> None:
        async with scene(folder, takes_everything, rules) as s:
            answer = await s.ask(raw, half_close=True)
            assert status_of(answer) in (400, 431, 501)
            assert answer.count(b"HTTP/1.1 ") == 1
            assert s.received == []

    asyncio.run(run())
    assert rules.heads == []


@pytest.mark.parametrize(
    "chunks",
    [
        b"1\nA0\r\n\r\n",
        b"1\r\nAB\r\n",
        b"0 \r\n\r\n",
        b"0\r\n\n",
        b"0;\n\r\n\r\n",
        b"0x0\r\n\r\n",
    ],
)
def test_behind_odd_chunks_nothing_arrives(folder: Path, chunks: bytes):
    head = FIRST + b"Transfer-Encoding: chunked\r\n\r\n"

    async def run() -> None:
        async with scene(folder, takes_everything) as s:
            reader, writer = await s.connect()
            writer.write(head)
            await writer.drain()
            while not s.sides:
                await asyncio.sleep(0.01)
            writer.write(chunks + HIDDEN)
            writer.write_eof()
            answer = await reader.read()
            assert status_of(answer) == 400
            assert answer.count(b"HTTP/1.1 ") == 1
            writer.close()
            assert s.received == [head]

    asyncio.run(run())


def test_a_body_that_looks_like_a_request_is_a_body(folder: Path):
    raw = FIRST + b"Content-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN
    rules = PassAll()

    async def script(side: EngineSide) -> None:
        await side.until(raw)
        await side.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await side.end()

    async def run() -> None:
        async with scene(folder, script, rules) as s:
            assert status_of(await s.ask(raw, half_close=True)) == 200

    asyncio.run(run())
    assert [x.target for x in rules.heads] == ["/x"]


def test_without_a_handover_nothing_passes_unjudged(folder: Path):
    """An upgrade that the engine does not take leaves the connection in the rules' hands."""
    upgrade = b"POST /x HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    rules = PassAll()

    async def script(side: EngineSide) -> None:
        for _ in range(2):
            await side.head()
            await side.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await side.end()

    async def run() -> None:
        async with scene(folder, script, rules) as s:
            await s.ask(upgrade + HIDDEN, half_close=True)

    asyncio.run(run())
    assert [x.target for x in rules.heads] == ["/x", "/containers/create"]
