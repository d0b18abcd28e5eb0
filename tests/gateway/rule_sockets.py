"""Docker sockets of components before the lab's engine: the real gateway with the real rules."""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
import subprocess
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.rule_ports import Additions, Bounds, Rooms
from greendock.base.clock import SystemClock
from greendock.base.database import Database
from greendock.docker.containers.labels import Owner
from greendock.docker.credentials.registry_credentials import Login
from greendock.docker.engine.client import Engine
from greendock.docker.engine.image_store import ImageStore
from greendock.docker.engine.lookup import find_engine_address
from greendock.docker.gateway.component_rules import ComponentRules
from greendock.docker.gateway.engine_lookup import EngineLookup
from greendock.docker.gateway.gateway import Gateway
from greendock.docker.gateway.image_accounts import ImageAccounts
from greendock.docker.gateway.policy import GREENGRASS, ContainerPolicy, Place
from greendock.docker.gateway.ports import RulePorts
from greendock.docker.gateway.upstream import Upstream
from greendock.docker.keeping.ledger import ImageLedger
from greendock.docker.reference import ImageReference
from lab.connections import connections_end

if TYPE_CHECKING:
    from lab.lab import Lab

_T = TypeVar("_T")
_LONGEST_S = 60


@dataclass
class Logins:
    """What the core knows of registries, by host."""

    known: dict[str, Login] = field(default_factory=dict)

    async def of(self, reference: ImageReference) -> Login | None:
        return self.known.get(reference.registry)


class Socket:
    """One component's socket, and what its scripts see of Docker."""

    def __init__(self, path: Path, lab: Lab) -> None:
        self.path = path
        self._lab = lab
        self.limits = Bounds()
        self.injection = Additions()
        self.room = Rooms()

    @property
    def env(self) -> dict[str, str]:
        return {**self._lab.env, "DOCKER_HOST": f"unix://{self.path}", "DOCKER_BUILDKIT": "0"}

    def docker(self, *args: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
        return self.run(["docker", *args], stdin)

    def run(
        self, argv: Sequence[str], stdin: bytes | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            argv, env=self.env, input=stdin or b"", capture_output=True, timeout=120, cwd=cwd
        )
        return subprocess.CompletedProcess(
            argv, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def script(self, text: str) -> subprocess.CompletedProcess[str]:
        return self.run(["sh", "-c", text])

    def connection(self) -> http.client.HTTPConnection:
        """A connection for requests that docker would not send."""
        made = http.client.HTTPConnection("localhost", timeout=30)
        made.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.sock.settimeout(30)
        made.sock.connect(str(self.path))
        return made

    def ask(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        connection = self.connection()
        try:
            sent = headers or {"Content-Type": "application/json"}
            connection.request(method, target, body, dict(sent))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


class Sockets:
    """Opens sockets in an event loop of its own."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self._lab = lab
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._gateways: list[Gateway] = []
        self.logins = Logins()
        self.call(self._start())

    async def _start(self) -> None:
        self._engine = Engine.from_environment(self._lab.docker_host, {})
        self._database = Database(self._folder / "images.db")
        self.ledger = ImageLedger(self._database, SystemClock())

    def call(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_LONGEST_S)

    def open(
        self, owner: Owner, policy: ContainerPolicy = GREENGRASS, place: Place | None = None
    ) -> Socket:
        number = len(self._gateways)
        path = self._folder / "run" / f"c{number}" / "docker-1" / "docker.sock"
        path.parents[2].mkdir(mode=0o711, exist_ok=True)
        made = Socket(path, self._lab)
        self.call(self._open(made, owner, policy, place or Place(resolve=os.path.realpath)))
        return made

    async def _open(
        self, made: Socket, owner: Owner, policy: ContainerPolicy, place: Place
    ) -> None:
        async def ready() -> None:
            return None

        store = ImageStore(self._engine)
        ports = RulePorts(
            EngineLookup(self._engine, ready),
            ImageAccounts(owner, self.ledger, store, self.logins),
            made.room,
            made.limits,
            made.injection,
        )
        rules = ComponentRules(owner, policy, place, ports)
        address = find_engine_address(self._lab.docker_host, {})
        gateway = Gateway(rules, Upstream(address))
        await gateway.open(made.path, os.geteuid(), os.getegid())
        self._gateways.append(gateway)

    def close(self) -> None:
        async def end() -> None:
            for gateway in self._gateways:
                await gateway.close()
            await self._engine.close()
            self._database.close()

        self.call(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.run_until_complete(connections_end())
        self._loop.close()


@contextmanager
def open_sockets(lab: Lab, folder: Path) -> Iterator[Sockets]:
    sockets = Sockets(lab, folder)
    try:
        yield sockets
    finally:
        sockets.close()
