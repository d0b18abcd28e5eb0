"""A stage for tests of the keeping of containers: an engine, a database and keepers."""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greendock.base.clock import SystemClock
from greendock.base.database import Database
from greendock.docker.containers.adoption import Deployed
from greendock.docker.containers.generation_record import GenerationRecord
from greendock.docker.containers.keeper import ContainerKeeper, KeeperParts
from greendock.docker.containers.labels import Owner, labels_of
from greendock.docker.engine.client import Engine

if TYPE_CHECKING:
    from lab.lab import Lab

IMAGE = "mysql:8.0"
FOREVER = ("/bin/sh", "-c", "while :; do sleep 1; done")
DEPLOYED = Deployed("1.0.0", "print")


class QuickClock(SystemClock):
    """Waits a tenth of what is asked for."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 10)


class Entries:
    """A log that keeps what is written."""

    def __init__(self) -> None:
        self.written: list[tuple[str, str, str]] = []

    def write(self, level: str, event: str, message: str, **contexts: str) -> None:
        self.written.append((level, event, message))

    def events(self) -> list[str]:
        return [event for _, event, _ in self.written]


async def until(condition: Callable[[], object], what: str, timeout_s: float = 30) -> None:
    """Wait for a condition while the loop goes on."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"not within {timeout_s:g} s: {what}"
        await asyncio.sleep(0.01)


class Stage:
    """A core's keeping of containers on the lab's engine; `docker` acts like its gateway."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.core = secrets.token_hex(8)  # the engine remembers what tests before this one did
        self.journal = Entries()
        self.engine_wait_s = 30.0
        self.docker_host = lab.docker_host
        self.database: Database | None = None

    @asynccontextmanager
    async def keeper(self, **deployed: Deployed) -> AsyncIterator[ContainerKeeper]:
        """A life of the core; leaving it is as if it were killed: nothing is closed."""
        database = self.database = Database(self.folder / "greendock.db")
        engine = Engine.from_environment(self.docker_host, {})
        keeper = ContainerKeeper(
            KeeperParts(
                core=self.core,
                engine=lambda: engine,
                record=GenerationRecord(database),
                journal=self.journal,
                clock=QuickClock(),
                engine_wait_s=lambda: self.engine_wait_s,
            )
        )
        keeper.begin({f"com.example.{name}": value for name, value in deployed.items()})
        try:
            yield keeper
        finally:
            await keeper.stop()
            await engine.close()
            database.close()
            await asyncio.sleep(0)

    async def opened(self, keeper: ContainerKeeper, generation: str, **names: str) -> None:
        """A generation that has reached the engine."""
        keeper.open(self.owner(generation, **names), DEPLOYED.fingerprint)
        await keeper.admit(generation)

    def owner(
        self, generation: str, component: str = "com.example.App", version: str = "1.0.0"
    ) -> Owner:
        return Owner(self.core, component, version, generation, "deployment-1")

    # -- the docker command

    def docker(self, *args: str) -> str:
        result = self.lab.docker(*args)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def labels(self, whose: Owner) -> list[str]:
        return [f"--label={name}={value}" for name, value in labels_of(whose).items()]

    def run_now(
        self, generation: str, *options: str, cmd: tuple[str, ...] = (), **names: str
    ) -> str:
        """`docker run -d`, through the component's socket as it were; gives the id."""
        labels = self.labels(self.owner(generation, **names))
        return self.docker("run", "-d", *labels, *options, IMAGE, *cmd)

    async def run(
        self, generation: str, *options: str, cmd: tuple[str, ...] = (), **names: str
    ) -> str:
        return await asyncio.to_thread(
            lambda: self.run_now(generation, *options, cmd=cmd, **names)
        )

    async def call(self, *args: str) -> str:
        return await asyncio.to_thread(self.docker, *args)

    def exists(self, container: str) -> bool:
        return self.lab.engine.call("GET", f"/containers/{container}/json").status == 200

    def inspect(self, container: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.docker("inspect", container))[0]
        return found

    def foreground(self, *args: str) -> subprocess.Popen[bytes]:
        """A docker command that goes on."""
        return subprocess.Popen(
            ["docker", *args],
            env=self.lab.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def play(scenario: Callable[[], Awaitable[Any]]) -> Any:
    async def limited() -> Any:
        async with asyncio.timeout(120):
            return await scenario()

    return asyncio.run(limited())


class Wire:
    """A socket between a core and the engine, which can be cut or go dead."""

    def __init__(self, stage: Stage) -> None:
        self._engine = str(stage.lab.socket)
        self._path = stage.lab.folder / f"wire{secrets.token_hex(3)}"
        self._flows = asyncio.Event()
        self._flows.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        stage.docker_host = f"unix://{self._path}"

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_unix_server(self._accept, str(self._path))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    def cut(self) -> None:
        """Every connection breaks; new ones are made."""
        for end in tuple(self._ends):
            end.transport.abort()

    def hang(self) -> None:
        """Nothing goes through any more, and nothing ends."""
        self._flows.clear()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._engine)
        ends = {writer, back}
        self._ends |= ends
        try:
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        except OSError:
            pass
        finally:
            self._ends -= ends
            for end in ends:
                end.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while piece := await source.read(1 << 16):
            await self._flows.wait()
            sink.write(piece)
            await sink.drain()
        raise ConnectionResetError
