"""A gateway between a client that the test plays and an engine that it scripts byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from greendock.docker.engine.address import EngineAddress
from greendock.docker.gateway.connection import Limits
from greendock.docker.gateway.exchange import AnswerHead, Forward, Refuse, RequestHead, Rules
from greendock.docker.gateway.gateway import Gateway
from greendock.docker.gateway.relay import Waits
from greendock.docker.gateway.upstream import Upstream

PATIENCE_S = 20.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n"
QUICK = Limits(head_s=0.2, body_s=5.0, linger_s=5.0, waits=Waits(rest_s=0.5, heed_s=5.0))


class PassAll:
    """Forwards everything unseen; counts."""

    def __init__(self, heed: object = None) -> None:
        self.heads: list[RequestHead] = []
        self.heed = heed

    def needs_body(self, head: RequestHead) -> int | None:
        return None

    async def judge(self, head: RequestHead, body: bytes | None) -> Forward | Refuse:
        self.heads.append(head)
        return Forward(head, heed=self.heed)  # type: ignore[arg-type]


@dataclass
class Heeded:
    """Remembers what it saw of one answer after the other."""

    heads: list[AnswerHead] = field(default_factory=list)
    body: bytes = b""
    ends: int = 0

    def begins(self, head: AnswerHead) -> None:
        self.heads.append(head)

    def passes(self, piece: bytes) -> None:
        self.body += piece

    async def ended(self) -> None:
        self.ends += 1


class EngineSide:
    """One connection as the engine sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.received = b""

    async def until(self, ending: bytes) -> bytes:
        """Read on until what is new ends so; returns what is new."""
        begin = len(self.received)
        while not self.received[begin:].endswith(ending):
            data = await self._reader.read(65536)
            assert data, f"the gateway ended after {self.received!r}"
            self.received += data
        return self.received[begin:]

    async def head(self) -> bytes:
        """One head, whatever has arrived behind it."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            self.received += error.partial
            raise AssertionError(f"the gateway ended after {self.received!r}") from error
        self.received += head
        return head

    async def end(self) -> bytes:
        """Read until the gateway ends this direction."""
        while data := await self._reader.read(65536):
            self.received += data
        return self.received

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


Script = Callable[[EngineSide], Awaitable[None]]


@dataclass
class Scene:
    gateway: Gateway
    path: Path
    sides: list[EngineSide]
    problems: list[BaseException]

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(str(self.gateway.address))

    async def ask(self, raw: bytes, *, half_close: bool = False) -> bytes:
        """Send this and return all that comes until the gateway ends the connection."""
        reader, writer = await self.connect()
        try:
            writer.write(raw)
            if half_close:
                writer.write_eof()
            return await reader.read()
        finally:
            await ended(writer)

    @property
    def received(self) -> list[bytes]:
        return [side.received for side in self.sides]


@contextlib.asynccontextmanager
async def scene(
    folder: Path, script: Script, rules: Rules | None = None, limits: Limits = QUICK
) -> AsyncIterator[Scene]:
    """`script` plays the engine on each connection; the test fails when it raises."""
    sides: list[EngineSide] = []
    problems: list[BaseException] = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        side = EngineSide(reader, writer)
        sides.append(side)
        try:
            with contextlib.suppress(ConnectionError):
                await script(side)
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            problems.append(error)
        finally:
            await ended(writer)

    run = folder / "run"
    run.mkdir()
    engine_path = str(folder / "engine.sock")
    server = await asyncio.start_unix_server(serve, engine_path)
    gateway = Gateway(
        rules or PassAll(), Upstream(EngineAddress("test", socket_path=engine_path), 1.0), limits
    )
    path = run / "component" / "docker-1" / "docker.sock"
    await gateway.open(path, os.geteuid(), os.getegid())
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield Scene(gateway, path, sides, problems)
    finally:
        await gateway.close()
        server.close()
        for task in tuple(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tuple(tasks))
        await server.wait_closed()
    assert problems == []


async def ended(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def answers_each(side: EngineSide) -> None:
    """An engine that answers every request without a body."""
    with contextlib.suppress(AssertionError):
        while await side.head():
            await side.say(OK)


def message_of(answer: bytes) -> str:
    text = json.loads(answer.partition(b"\r\n\r\n")[2])["message"]
    assert isinstance(text, str)
    return text


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


async def eventually(condition: Callable[[], object]) -> None:
    """The scene's deadline ends the wait."""
    while not condition():
        await asyncio.sleep(0.01)
