"""Delivers local publish/subscribe messages: who subscribed to what, and who gets which message.

At most once, in the order of each publisher; nothing is kept. A publisher never waits: a sink
that can't take a message says so at once. Authorization is the router's. Called by the handlers
of the two operations and by the parts of the core that publish themselves; on the event loop.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

from greendock.ipc import rpc
from greendock.ipc.calls import Members
from greendock.ipc.errors import invalid_arguments
from greendock.ipc.eventstream import MAX_MESSAGE
from greendock.ipc.pubsub.topics import FilterTree, check_filter, check_topic, is_filter
from greendock.ipc.shared_event import SharedEvent

_log = logging.getLogger("greendock.ipc")

MAX_ROUTES = 1024
"""Topics whose subscribers are remembered; any change of the subscriptions forgets them all."""

_ROOM = 1024
"""Bytes that the headers of an event need at most."""


class ReceiveMode(Enum):
    """Whose messages a subscription gets: everybody's, or those of other components only."""

    ALL = "RECEIVE_ALL_MESSAGES"
    FROM_OTHERS = "RECEIVE_MESSAGES_FROM_OTHERS"


class Kind(Enum):
    """The two kinds of messages. The value opens the JSON of an event, up to its content."""

    JSON = b'{"jsonMessage":{'
    BINARY = b'{"binaryMessage":{'


_KINDS = {"jsonMessage": Kind.JSON, "binaryMessage": Kind.BINARY}


class Sink(Protocol):
    """Where the messages of one subscription go; EventSink is one."""

    def send_shared(self, event: SharedEvent) -> bool:
        """False: left out, since the reader is gone or slow. Never waits, never raises."""


class _Subscription:
    """Its own identity: two with the same filter both get a copy."""

    __slots__ = ("number", "others_only", "send", "subscriber")

    def __init__(self, number: int, subscriber: str, others_only: bool, sink: Sink) -> None:
        self.number = number
        self.subscriber = subscriber
        self.others_only = others_only
        self.send = sink.send_shared


class _Route:
    """What is known of one topic. `end` closes the JSON of an event after its content."""

    __slots__ = ("end", "subscriptions")

    def __init__(self, subscriptions: tuple[_Subscription, ...], end: bytes) -> None:
        self.subscriptions = subscriptions
        self.end = end


class LocalPubSub:
    """The broker of one core."""

    def __init__(self) -> None:
        self._tree: FilterTree[_Subscription] = FilterTree()
        self._routes: dict[str, _Route] = {}
        self._count = 0

    @property
    def is_idle(self) -> bool:
        """Whether nobody subscribes to anything."""
        return self._tree.is_empty

    def subscribe(
        self, subscriber: str, topic: str, sink: Sink, mode: ReceiveMode | None = None
    ) -> Callable[[], None]:
        """Send what is published to `topic`, a topic or a filter; the returned function ends it.

        Without a mode an exact topic gets all messages, a filter those of other components.
        InvalidArgumentsError for a topic that won't do.
        """
        check_filter(topic)
        others_only = is_filter(topic) if mode is None else mode is ReceiveMode.FROM_OTHERS
        self._count += 1
        subscription = _Subscription(self._count, subscriber, others_only, sink)
        self._tree.add(topic, subscription)
        self._routes.clear()

        def end() -> None:
            self._tree.remove(topic, subscription)
            self._routes.clear()

        return end

    def listen(
        self,
        subscriber: str,
        topic: str,
        listener: Callable[[Members], None],
        mode: ReceiveMode | None = None,
    ) -> Callable[[], None]:
        """`subscribe` for a part of the core: `listener` gets the members of each event and must
        not block; when it fails, that is logged and harms nobody else."""
        return self.subscribe(subscriber, topic, _Listener(listener), mode)

    def publish(self, publisher: str, topic: str, message: Members) -> int:
        """Send `message`, the members of a PublishMessage (binary content as base64 text or as
        bytes); how many subscriptions took it. InvalidArgumentsError when it won't do."""
        name = next((name for name in _KINDS if name in message), None)
        if name is None:
            raise invalid_arguments("a message has to have a jsonMessage or a binaryMessage")
        content = message[name].get("message")
        return self.publish_content(
            publisher, topic, _KINDS[name], None if content is None else _json(content)
        )

    def publish_content(
        self, publisher: str, topic: str, kind: Kind, content: bytes | None
    ) -> int:
        """The same with the content as valid JSON, which every subscriber gets as it stands."""
        route = self._routes.get(topic) or self._find_route(topic)
        if not route.subscriptions:
            return 0
        begin = kind.value
        if content is not None:
            begin = b"".join((begin, b'"message":', content, b","))
        payload = begin + route.end
        if len(payload) > MAX_MESSAGE - _ROOM:
            raise invalid_arguments(
                f"the message has {len(payload)} bytes, more than a frame holds"
            )
        event = SharedEvent(payload)
        taken = 0
        for subscription in route.subscriptions:
            if subscription.others_only and subscription.subscriber == publisher:
                continue
            if subscription.send(event):
                taken += 1
        return taken

    def _find_route(self, topic: str) -> _Route:
        check_topic(topic)
        found = sorted(self._tree.matching(topic), key=lambda each: each.number)
        route = _Route(tuple(found), b'"context":{"topic":' + rpc.to_json(topic) + b"}}}")
        if len(self._routes) >= MAX_ROUTES:
            self._routes.clear()
        self._routes[topic] = route
        return route


class _Listener:
    def __init__(self, listener: Callable[[Members], None]) -> None:
        self._listener = listener

    def send_shared(self, event: SharedEvent) -> bool:
        try:
            self._listener(json.loads(event.payload))
        except Exception:
            _log.exception("a listener of the core failed on a message")
        return True


def _json(content: Any) -> bytes:
    if isinstance(content, bytes):
        content = base64.b64encode(content).decode()
    try:
        return _to_text(content).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise invalid_arguments(f"the message cannot be written as JSON: {error}") from error


_to_text = json.JSONEncoder(separators=(",", ":"), default=dict, allow_nan=False).encode
