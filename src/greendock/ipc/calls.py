"""What passes between a stream of a connection and the handler of an operation.

Types only. A handler gets a `Call` and gives the members of the answer, at once or as an
awaitable, or a `Subscription`; it raises OperationError and the core's other errors.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from greendock.ipc.shared_event import SharedEvent

Members: TypeAlias = Mapping[str, Any]


def not_asked(_resource: str) -> None:
    """The router has authorized the call."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request: checked members, and the principal that its token stands for.

    `allow(resource)` raises UnauthorizedError unless a policy allows the operation on it; for
    operations whose `Access` is `by_handler`.
    """

    principal: str
    members: Members
    allow: Callable[[str], None] = not_asked


class EventSink(Protocol):
    """The open end of a subscription."""

    def send(self, event: Members, *, droppable: bool = False) -> bool:
        """Send one event, an object with one member. False when it was not sent: the stream is
        over, or the reader is slow and the event droppable."""

    def send_shared(self, event: SharedEvent) -> bool:
        """Send a droppable event that goes to others as well; the same result as `send`."""

    def close(self) -> None:
        """End the stream from our side."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """The first answer of a subscription, and what starts its events.

    `start` is called once the answer is on its way; what it returns is called once when the
    stream ends, whoever ends it. `subject` says in the log which subscription it is.
    """

    start: Callable[[EventSink], Callable[[], None]]
    response: Members
    subject: str = ""


Answer: TypeAlias = Members | Subscription
Handler: TypeAlias = Callable[[Call], Answer | Awaitable[Answer]]


@dataclass(slots=True)
class QuickRequest:
    """A checked request in short: the resource that its policy has to allow, and the rest."""

    resource: str
    kind: Any
    content: bytes


class QuickHandler(Protocol):
    """A second way to carry out an operation, for requests of the most common form.

    It gives what the handler would give, faster. Whatever is not of that form, not valid or not
    allowed goes to the handler, which knows the right error.
    """

    def read(self, payload: bytes) -> QuickRequest | None:
        """None: not of the common form. Nothing is done yet."""

    def carry_out(self, principal: str, request: QuickRequest) -> bytes:
        """The JSON of the answer."""
