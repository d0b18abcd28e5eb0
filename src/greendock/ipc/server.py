"""The IPC server of a core: its socket, its connections, its start and its end.

Wires the rooms of this package together; holds no protocol and no operation. Built and started by
the daemon, which also holds the lock that keeps a second core away from the same root.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from greendock.ipc.authorizer import Authorizer
from greendock.ipc.connection import Connection, Limits
from greendock.ipc.drops import Drops
from greendock.ipc.line_budget import LineBudget
from greendock.ipc.listener import Listener
from greendock.ipc.operations.registry import handlers, quick_handlers
from greendock.ipc.ports import CorePorts
from greendock.ipc.router import Router
from greendock.ipc.tokens import Credential, Tokens

_log = logging.getLogger("greendock.ipc")

STOP_DEADLINE_S = 5.0
_PARTS = 4
"""One component may have this part of all connections."""


class IpcServer:
    """Serves the operations of `shapes.table.OPERATIONS` on one Unix socket.

    `start` and `stop` are called once each, on the event loop that runs the core.
    """

    def __init__(
        self, socket_path: Path, tokens: Tokens, ports: CorePorts, limits: Limits | None = None
    ) -> None:
        self.socket_path = socket_path
        authorizer = Authorizer(ports.access_policies)
        self.router = Router(handlers(ports), authorizer, quick_handlers(ports))
        self.drops = Drops()
        self.limits = limits or Limits()
        self._tokens = tokens
        self._connections: dict[Connection, None] = {}
        self._unflushed: list[Connection] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: Listener | None = None
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._all_left = asyncio.Event()
        self._stopping = False
        self._line_budget = LineBudget()
        tokens.on_revoked(self._revoked)

    @property
    def connection_count(self) -> int:
        return len(self._connections)

    async def start(self) -> None:
        """Listen. Raises DeviceError when the socket can't be made."""
        _log.addFilter(self._line_budget)
        self._listener = await asyncio.to_thread(Listener, self.socket_path)
        self._loop = asyncio.get_running_loop()
        self._server = await self._loop.create_unix_server(
            lambda: Connection(self), sock=self._listener.socket
        )
        _log.info("listening on %s", self.socket_path)

    async def stop(self, deadline_s: float = STOP_DEADLINE_S) -> None:
        """End all streams and connections and remove the socket file.

        Peers that don't take their last bytes within `deadline_s` are cut off.
        """
        self._stopping = True
        _log.removeFilter(self._line_budget)
        if self._server is not None:
            self._server.close()
        if self._listener is not None:
            self._listener.remove_file()
        for connection in tuple(self._connections):
            connection.close()
        try:
            async with asyncio.timeout(deadline_s):
                await self._emptied()
        except TimeoutError:
            _log.warning("%d clients did not hang up in time", len(self._connections))
            for connection in tuple(self._connections):
                connection.abort()
            await self._emptied()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _emptied(self) -> None:
        while self._connections:
            self._all_left.clear()
            await self._all_left.wait()

    # -- called by the connections (`Host`)

    def joined(self, connection: Connection) -> None:
        self._connections[connection] = None
        if self._stopping or len(self._connections) > self.limits.connections:
            _log.warning("refused a connection: %d are open", len(self._connections) - 1)
            connection.abort()
            return
        greeting = [known for known in self._connections if known.is_greeting]
        if len(greeting) > self.limits.greeting_connections:
            _log.warning("%d clients have not said who they are; dropping one", len(greeting))
            greeting[0].abort()

    def authenticate(self, _connection: Connection, token: str) -> Credential | None:
        found = None if self._stopping else self._tokens.authenticate(token)
        if found is None or found.generation is None or self._has_room_for(found.principal):
            return found
        _log.warning("%s has too many connections", found.principal)
        return None

    def _has_room_for(self, component: str) -> bool:
        """No component keeps the others and the command line away, however many it opens."""
        known = (one.credential for one in self._connections)
        count = sum(1 for one in known if one is not None and one.principal == component)
        return count < max(1, self.limits.connections // _PARTS)

    def left(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        self._all_left.set()

    def flush_later(self, connection: Connection) -> None:
        if not self._unflushed:
            asyncio.get_running_loop().call_soon(self.flush_all)
        self._unflushed.append(connection)

    def flush_all(self) -> None:
        if self._unflushed:
            waiting, self._unflushed = self._unflushed, []
            for connection in waiting:
                connection.flush()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _revoked(self, credential: Credential) -> None:
        """A token opens nothing from its end on, and keeps nothing open either. Any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end_connections, credential)

    def _end_connections(self, credential: Credential) -> None:
        for connection in tuple(self._connections):
            if connection.credential == credential:
                connection.close()
