"""A server process for the load client: the IPC server alone, whole or without one of its checks.

Usage: python -m bench.ipc_server SOCKET VARIANT. Prints its tokens as JSON and serves until it is
ended. What a variant leaves out is taken out here, in this process; the product has no such
switch. `floor` is no server at all: it answers the same bytes with almost no Python per message.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

PARTS = 11
PUBSUB = "aws.greengrass.ipc.pubsub"
CLI = "aws.greengrass.Cli"


def policy_of(name: str) -> dict[str, Any]:
    return {
        PUBSUB: {f"{name}:pubsub:1": {"operations": ["*"], "resources": ["bench/*"]}},
        CLI: {f"{name}:Cli:1": {"operations": ["*"], "resources": ["*"]}},
    }


def without_checksums() -> None:
    from greendock.ipc import eventstream

    def passes(*_: object) -> None:
        """Looks at nothing."""

    eventstream._check_prelude = passes
    eventstream._check_message = passes


def without_authorization() -> None:
    from greendock.ipc.authorizer import Authorizer

    Authorizer.allows = lambda *_: True


def without_request_check() -> None:
    from greendock.ipc.operations import pubsub

    for check in ("is_text", "is_plain_document", "is_plain_blob"):
        setattr(pubsub, check, lambda *_: True)


def without_bounds() -> None:
    from greendock.ipc.connection import Connection

    def write(self: Any, frame: bytes, drops: object = None) -> bool:
        if self._transport is None:
            return False
        if not self._outbox and not self._is_working:
            self._host.flush_later(self)
        self._outbox.append(frame)
        self._outbox_bytes += len(frame)
        return True

    Connection.write = write


def without_quick_way() -> None:
    from greendock.ipc.router import Router

    Router.answer_quickly = lambda *_: None


VARIANTS: dict[str, Callable[[], None]] = {
    "whole": lambda: None,
    "checksums": without_checksums,
    "authorization": without_authorization,
    "request-check": without_request_check,
    "bounds": without_bounds,
    "quick-way": without_quick_way,
}


class Nothing:
    """Stands at the ports that the load does not reach."""

    def views(self) -> list[object]:
        return []

    def view(self, _name: str) -> None:
        return None


def build(path: Path) -> tuple[Any, list[str]]:
    """The server, not started, and its tokens."""
    from greendock.base.events import Bus
    from greendock.ipc.ports import CorePorts
    from greendock.ipc.server import IpcServer
    from greendock.ipc.tokens import Tokens

    names = [f"com.example.Part{number}" for number in range(PARTS)]
    policies = {name: policy_of(name) for name in names}
    tokens, nothing = Tokens(), Nothing()
    given = [tokens.issue(name, 1) for name in names]
    ports = CorePorts(Bus(), nothing, nothing, nothing, policies.get, path.parent / "none")
    return IpcServer(path, tokens, ports), given


class Floor(asyncio.Protocol):
    """Knows the first message of each kind; after that it only counts bytes."""

    subscribers: set[Floor] = set()  # noqa: RUF012

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.size = self.rest = 0

    def data_received(self, data: bytes) -> None:
        from greendock.ipc import rpc

        if self.size == 0 and b"authToken" in data:
            self.transport.write(rpc.connect_ack(accepted=True))
        elif b"SubscribeToTopic" in data:
            self.subscribers.add(self)
            model = "aws.greengrass#SubscribeToTopicResponse"
            self.transport.write(rpc.response(1, model, b"{}", last=False))
        else:
            if self.size == 0:
                self._learn(data)
            whole, self.rest = divmod(self.rest + len(data), self.size)
            self.transport.write(self.answer * whole)
            for subscriber in self.subscribers:
                subscriber.transport.write(self.event * whole)

    def _learn(self, data: bytes) -> None:
        from greendock.ipc import rpc

        self.size = int.from_bytes(data[:4], "big")
        payload = json.loads(data[data.index(b'{"topic"') : self.size - 4])
        message = payload["publishMessage"]
        message["binaryMessage"]["context"] = {"topic": payload["topic"]}
        self.answer = rpc.response(1, "aws.greengrass#PublishToTopicResponse", b"{}", last=True)
        model = "aws.greengrass#SubscriptionResponseMessage"
        self.event = rpc.event(1, model, rpc.to_json(message))

    def connection_lost(self, _error: Exception | None) -> None:
        self.subscribers.discard(self)


def floor(path: Path) -> tuple[Callable[[], Awaitable[Any]], list[str]]:
    async def start() -> object:
        return await asyncio.get_running_loop().create_unix_server(Floor, str(path))

    return start, ["x" * 32] * PARTS


async def serve(path: Path, variant: str) -> None:
    if variant == "floor":
        start, tokens = floor(path)
    else:
        VARIANTS[variant]()
        server, tokens = build(path)
        start = server.start
    kept = await start()
    print(json.dumps(tokens), flush=True)
    await asyncio.Event().wait()
    del kept


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2]))
