"""What passes between a stream of a connection and the handler of an operation.

Types only. A handler gets a `Call` and gives the members of the answer, at once or as an
awaitable, or a `Subscription`; it raises OperationError and the core's other errors.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

Members: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One request: checked members, and the principal that its token stands for."""

    principal: str
    members: Members


class EventSink(Protocol):
    """The open end of a subscription."""

    def send(self, event: Members, *, droppable: bool = False) -> bool:
        """Send one event, an object with one member. False when it was not sent: the stream is
        over, or the reader is slow and the event droppable."""

    def close(self) -> None:
        """End the stream from our side."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """The first answer of a subscription, and what starts its events.

    `start` is called once the answer is on its way; what it returns is called once when the
    stream ends, whoever ends it.
    """

    start: Callable[[EventSink], Callable[[], None]]
    response: Members


Answer: TypeAlias = Members | Subscription
Handler: TypeAlias = Callable[[Call], Answer | Awaitable[Answer]]
