"""One stream of a connection: runs the call that opened it and writes what it gives.

Keeps the order that clients rely on (answer before events, exactly one end) and releases what a
subscription holds, whoever ends the stream. Knows frames only through rpc.py and the connection
only as `Wire`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from greendock.ipc import rpc
from greendock.ipc.calls import Answer, Members, Subscription
from greendock.ipc.drops import SubscriptionDrops
from greendock.ipc.errors import as_operation_error, is_expected, service_error
from greendock.ipc.eventstream import EventStreamError
from greendock.ipc.router import Route, Router
from greendock.ipc.shapes.operation import Operation
from greendock.ipc.shared_event import SharedEvent

_log = logging.getLogger("greendock.ipc")


class Wire(Protocol):
    """What a stream needs of its connection."""

    def write(self, frame: bytes, drops: SubscriptionDrops | None = None) -> bool:
        """False: not written. A frame with `drops` may be left out, which is counted there."""

    def drops(self, what: str) -> SubscriptionDrops:
        """A counter for the subscription `what` of this connection."""

    def forget(self, stream: int) -> None:
        """The stream is over."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` as a task that somebody holds on to."""


class Stream:
    """Open from its request until either side ends it."""

    __slots__ = ("_drops", "_end_events", "_number", "_operation", "_over", "_task", "_wire")

    def __init__(self, wire: Wire, number: int) -> None:
        self._wire = wire
        self._number = number
        self._operation: Operation | None = None
        self._task: asyncio.Task[None] | None = None
        self._end_events: Callable[[], None] | None = None
        self._drops: SubscriptionDrops | None = None
        self._over = False

    def run(self, router: Router, principal: str, name: str, payload: bytes) -> None:
        """Carry out the request; what can be answered at once is."""
        try:
            route = router.route(principal, name, payload)
            self._operation = route.operation
            if route.waits:
                self._task = self._wire.spawn(self._answer_later(route))
            else:
                self._answer(route.operation, _ready(route.handler(route.call)))
        except Exception as error:
            self.fail(error)

    def send(self, event: Members, *, droppable: bool = False) -> bool:
        """One event of a subscription (`EventSink`)."""
        if self._over or self._operation is None or self._operation.event is None:
            return False
        try:
            frame = rpc.event(self._number, self._operation.event, rpc.to_json(event))
        except (EventStreamError, TypeError, ValueError) as error:
            self.fail(error)
            return False
        return self._wire.write(frame, self._drops if droppable else None)

    def send_shared(self, event: SharedEvent) -> bool:
        """One droppable event of a subscription, in JSON already (`EventSink`)."""
        if self._over or self._operation is None or self._operation.event is None:
            return False
        return self._wire.write(event.frame(self._operation.event, self._number), self._drops)

    def close(self) -> None:
        """End the stream from our side (`EventSink`, and when the server stops)."""
        self._finish(rpc.terminate(self._number))

    def fail(self, error: Exception) -> None:
        """End the stream with the modelled error for `error`."""
        if not is_expected(error):
            name = self._operation.name if self._operation else "a request"
            _log.error("%s failed", name, exc_info=error)
        modelled = as_operation_error(error)
        self._finish(rpc.error(self._number, modelled.model, modelled.members))

    def release(self) -> None:
        """The stream is over for another reason: the client ended it, the connection is gone."""
        if self._over:
            return
        self._over = True
        self._wire.forget(self._number)
        if self._task is not None:
            self._task.cancel()
        if self._end_events is not None:
            self._end_events()
        if self._drops is not None:
            self._drops.end()

    async def _answer_later(self, route: Route) -> None:
        try:
            async with asyncio.timeout(route.operation.deadline_s):
                given = route.handler(route.call)
                answer = await given if isinstance(given, Awaitable) else given
            self._task = None
            self._answer(route.operation, answer)
        except Exception as error:
            self._task = None
            self.fail(error)

    def _answer(self, operation: Operation, answer: Answer) -> None:
        members = answer.response if isinstance(answer, Subscription) else answer
        last = operation.event is None
        try:
            frame = rpc.response(self._number, operation.response, rpc.to_json(members), last=last)
        except EventStreamError as error:
            raise service_error(f"the answer is too large: {error}") from error
        if last:
            self._finish(frame)
        elif isinstance(answer, Subscription):
            self._drops = self._wire.drops(_named(operation, answer))
            self._wire.write(frame)
            end = answer.start(self)
            if self._over:
                end()
            else:
                self._end_events = end

    def _finish(self, frame: bytes) -> None:
        if not self._over:
            self._wire.write(frame)
            self.release()


def _named(operation: Operation, subscription: Subscription) -> str:
    """In quotes: the subject is the caller's text."""
    return f"{operation.name} {subscription.subject!r}" if subscription.subject else operation.name


def _ready(given: Answer | Awaitable[Answer]) -> Answer:
    if isinstance(given, Awaitable):
        raise TypeError("a handler that waits has to be a coroutine function")
    return given
