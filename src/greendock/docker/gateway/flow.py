"""Bytes from one end to the other, each piece sent before the next one is read.

Between two plain sockets this runs in callbacks of the event loop without a task's step for each
piece: at wire speed that is most of the cost. Called by the relay.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from greendock.docker.gateway.bodies import Body
from greendock.docker.gateway.inbox import Inbox
from greendock.docker.gateway.wire import PIECE_BYTES, SocketWire, Wire


class SourceLostError(OSError):
    """The end that is read is gone."""


class TargetLostError(OSError):
    """The end that is written to is gone."""


class Sieve(Protocol):
    """Says what of the bytes belongs to the flow, and when it is over."""

    @property
    def done(self) -> bool: ...

    def part(self, data: bytes) -> bytes: ...


class Everything:
    """A flow that ends with its source."""

    done = False

    def part(self, data: bytes) -> bytes:
        return data


class BodyOnly:
    """One body; what comes behind it goes back into the inbox."""

    def __init__(self, body: Body, inbox: Inbox) -> None:
        self._body = body
        self._inbox = inbox

    @property
    def done(self) -> bool:
        return self._body.done

    def part(self, data: bytes) -> bytes:
        used = self._body.feed(data)
        if used == len(data):
            return data
        self._inbox.put_back(data[used:])
        return data[:used]


async def flow(source: Inbox, target: Wire, sieve: Sieve) -> None:
    """Until the sieve has all it wants or the source ends.

    Raises SourceLostError, TargetLostError, and what the sieve raises.
    """
    if source.holds and not sieve.done:
        await _write(target, sieve.part(source.take_held()))
    if isinstance(source.wire, SocketWire) and isinstance(target, SocketWire):
        if not sieve.done:
            await _SocketFlow(source.wire, target, sieve).run()
        return
    while not sieve.done:
        try:
            data = await source.wire.read()
        except OSError as error:
            raise SourceLostError(*error.args) from error
        if not data:
            return
        await _write(target, sieve.part(data))


async def _write(target: Wire, data: bytes) -> None:
    try:
        await target.write(data)
    except OSError as error:
        raise TargetLostError(*error.args) from error


class _SocketFlow:
    def __init__(self, source: SocketWire, target: SocketWire, sieve: Sieve) -> None:
        self._source = source.socket
        self._target = target.socket
        self._sieve = sieve
        self._rest = memoryview(b"")
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()

    async def run(self) -> None:
        self._loop.add_reader(self._source, self._read)
        try:
            await self._over
        finally:
            self._loop.remove_reader(self._source)
            self._loop.remove_writer(self._target)

    def _read(self) -> None:
        if self._over.done():
            return
        try:
            data = self._source.recv(PIECE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(SourceLostError(*error.args))
            return
        if not data:
            self._end()
            return
        try:
            part = self._sieve.part(data)
        except Exception as error:
            self._end(error)
            return
        if self._send(memoryview(part)):
            if self._sieve.done:
                self._end()
        elif not self._over.done():
            self._loop.remove_reader(self._source)
            self._loop.add_writer(self._target, self._write)

    def _write(self) -> None:
        if self._over.done() or not self._send(self._rest):
            return
        self._loop.remove_writer(self._target)
        if self._sieve.done:
            self._end()
        else:
            self._loop.add_reader(self._source, self._read)

    def _send(self, data: memoryview) -> bool:
        """Whether all of it went; the rest waits."""
        try:
            sent = self._target.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._end(TargetLostError(*error.args))
            return False
        self._rest = data[sent:]
        return not self._rest

    def _end(self, error: Exception | None = None) -> None:
        if self._over.done():
            return
        if error is None:
            self._over.set_result(None)
        else:
            self._over.set_exception(error)
