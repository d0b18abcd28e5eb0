"""After attach, exec or an upgrade the two directions end one by one."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from gateway_scene import EngineSide, Heeded, PassAll, ended, eventually, scene

UPGRADE = b"POST /a HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
SWITCH = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
PLAIN = b"POST /a HTTP/1.1\r\nHost: d\r\n\r\n"
RAW = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
KINDS = pytest.mark.parametrize(("asked", "answer"), [(UPGRADE, SWITCH), (PLAIN, RAW)])


@KINDS
def test_input_ends_before_output(folder: Path, asked: bytes, answer: bytes):
    """As `run -i` with a pipe: what comes after the end of the input arrives."""
    heeded = Heeded()

    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(answer)
        assert await side.end() == asked + b"POST /looks/like HTTP/1.1\r\n\r\n"
        await side.say(b"output")

    async def run() -> None:
        rules = PassAll(heeded)
        async with scene(folder, script, rules) as s:
            reader, writer = await s.connect()
            writer.write(asked)
            assert await reader.readuntil(b"\r\n\r\n") == answer
            writer.write(b"POST /looks/like HTTP/1.1\r\n\r\n")
            writer.write_eof()
            assert await reader.read() == b"output"
            await ended(writer)
            assert len(rules.heads) == 1

    asyncio.run(run())
    assert (heeded.body, heeded.ends) == (b"", 1)


@KINDS
def test_output_ends_before_input(folder: Path, asked: bytes, answer: bytes):
    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(answer + b"early")
        side.writer.write_eof()
        assert await side.end() == asked + b"late"

    async def run() -> None:
        async with scene(folder, script) as s:
            reader, writer = await s.connect()
            writer.write(asked)
            assert await reader.read() == answer + b"early"
            writer.write(b"late")
            await ended(writer)
            await eventually(lambda: s.received == [asked + b"late"])
            await eventually(lambda: not s.gateway.open_connections)

    asyncio.run(run())


def test_much_flows_both_ways_at_once(folder: Path):
    size = 20_000_000
    up, down = os.urandom(size), os.urandom(size)

    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(SWITCH)
        async with asyncio.TaskGroup() as group:
            group.create_task(side.say(down))
            received = group.create_task(side._reader.readexactly(size))
        assert received.result() == up

    async def run() -> None:
        async with scene(folder, script) as s:
            reader, writer = await s.connect()
            writer.write(UPGRADE)
            await reader.readuntil(b"\r\n\r\n")
            async with asyncio.TaskGroup() as group:
                received = group.create_task(reader.readexactly(size))
                writer.write(up)
                await writer.drain()
            assert received.result() == down
            await ended(writer)

    asyncio.run(run())


def test_a_client_that_is_killed_takes_the_engines_side_along(folder: Path):
    ends: list[bytes] = []

    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(SWITCH)
        ends.append(await side.end())

    async def run() -> None:
        async with scene(folder, script) as s:
            reader, writer = await s.connect()
            writer.write(UPGRADE)
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()
            await eventually(lambda: ends == [UPGRADE])
            await eventually(lambda: not s.gateway.open_connections)

    asyncio.run(run())


def test_an_engine_that_is_killed_takes_a_silent_client_along(folder: Path):
    async def script(side: EngineSide) -> None:
        await side.head()
        await side.say(SWITCH)

    async def run() -> None:
        async with scene(folder, script) as s:
            reader, writer = await s.connect()
            writer.write(UPGRADE)
            assert await reader.read() == SWITCH
            await eventually(lambda: not s.gateway.open_connections)
            await ended(writer)

    asyncio.run(run())


def test_an_upgrade_that_is_refused_is_an_answer_like_any_other(folder: Path):
    refusal = b"HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\n{}"

    async def script(side: EngineSide) -> None:
        for _ in range(2):
            await side.head()
            await side.say(refusal)
        await side.end()

    async def run() -> None:
        rules = PassAll()
        async with scene(folder, script, rules) as s:
            assert await s.ask(UPGRADE + UPGRADE, half_close=True) == refusal * 2
            assert len(rules.heads) == 2

    asyncio.run(run())
