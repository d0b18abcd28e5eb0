"""The Docker socket of one component: accepts connections, bounds them, ends them.

What a request means is the rules' business. A component without a claim to Docker gets the
refusing rules instead. Called by the daemon, once for each generation of a component.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from pathlib import Path

from greendock.docker.gateway.connection import Connection, Limits
from greendock.docker.gateway.exchange import Refuse, RequestHead, Rules
from greendock.docker.gateway.socket_place import SocketPlace
from greendock.docker.gateway.upstream import Engine

_log = logging.getLogger("greendock.docker")

_ACCEPT_AT_ONCE = 32
_SHORT_OF_FILES_S = 0.5
_CLOSE_S = 2.0
_REFUSED_AT_ONCE = 64


class RefusingRules:
    """Answers everything with the same refusal."""

    def __init__(self, status: int, message: str) -> None:
        self._refusal = Refuse(status, message)

    def needs_body(self, head: RequestHead) -> int | None:
        return None

    async def judge(self, head: RequestHead, body: bytes | None) -> Refuse:
        return self._refusal


class Gateway:
    """`open` and `close` once each, in one event loop."""

    def __init__(self, rules: Rules, engine: Engine, limits: Limits | None = None) -> None:
        self._rules = rules
        self._engine = engine
        self._limits = limits or Limits()
        self._place: SocketPlace | None = None
        self._listening: socket.socket | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.accepted = 0
        """Connections since `open`."""

    @property
    def address(self) -> Path:
        """The path for DOCKER_HOST: it fits into a socket address. Only while it is open."""
        if self._place is None:
            raise RuntimeError("the gateway is not open")
        return self._place.address

    @property
    def open_connections(self) -> int:
        return len(self._tasks)

    async def open(self, path: Path, uid: int, gid: int) -> None:
        """Listen at `path` (of `Paths.component_docker`) for that user. Raises DeviceError."""
        place = SocketPlace(path, uid, gid)
        self._listening = await asyncio.to_thread(place.open)
        self._place = place
        asyncio.get_running_loop().add_reader(self._listening, self._accept)

    async def close(self) -> None:
        """No new connections; those that are open are cut."""
        listening, self._listening = self._listening, None
        if self._retry is not None:
            self._retry.cancel()
        if listening is not None:
            asyncio.get_running_loop().remove_reader(listening)
            listening.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=_CLOSE_S)
            if left:
                _log.warning("%d connections to the Docker gateway end late", len(left))
        place, self._place = self._place, None
        if place is not None:
            await asyncio.to_thread(place.close)

    def _accept(self) -> None:
        for _ in range(_ACCEPT_AT_ONCE):
            if self._listening is None:
                return
            try:
                connected, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._accept_later(error)
                return
            self._take(connected)

    def _accept_later(self, error: OSError) -> None:
        """Too many open files: asking again at once would keep the processor busy."""
        _log.warning("cannot accept a connection to the Docker gateway: %s", error.strerror)
        loop = asyncio.get_running_loop()
        if self._listening is not None:
            loop.remove_reader(self._listening)
            self._retry = loop.call_later(_SHORT_OF_FILES_S, self._accept_again)

    def _accept_again(self) -> None:
        if self._listening is not None:
            asyncio.get_running_loop().add_reader(self._listening, self._accept)

    def _take(self, connected: socket.socket) -> None:
        self.accepted += 1
        most, now = self._limits.connections, len(self._tasks)
        if now >= most + _REFUSED_AT_ONCE:
            connected.close()
            return
        rules = self._rules
        if now >= most:
            rules = RefusingRules(503, f"this component has {most} connections to Docker already")
        connected.setblocking(False)
        connection = Connection(
            connected, rules, self._engine, self._limits, once=rules is not self._rules
        )
        task = asyncio.get_running_loop().create_task(
            self._serve(connection), name="gateway connection"
        )
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, connection))

    def _ended(self, task: asyncio.Task[None], connection: Connection) -> None:
        self._tasks.discard(task)
        connection.close()  # A task that is cancelled before its first step did not.

    async def _serve(self, connection: Connection) -> None:
        with suppress(asyncio.CancelledError):
            try:
                await connection.serve()
            except Exception:
                # One connection; the others have to go on.
                _log.exception("a connection to the Docker gateway failed")
