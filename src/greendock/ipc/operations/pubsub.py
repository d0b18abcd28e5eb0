"""PublishToTopic and SubscribeToTopic, over the local broker.

QuickPublish is the fast way for requests of the form that the SDKs send: the content of the
message is checked but not taken apart, and goes to the subscribers as it stands. What it lets
through the ordinary way would let through as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from greendock.ipc.calls import (
    Call,
    EventSink,
    Handler,
    Members,
    QuickRequest,
    Subscription,
)
from greendock.ipc.kinds import MAX_DEPTH, is_base64
from greendock.ipc.pubsub.broker import Kind, LocalPubSub, ReceiveMode
from greendock.ipc.pubsub.topics import check_filter
from greendock.ipc.rpc import NAMESPACE


class PubSubOperations:
    """Handlers over the broker."""

    def __init__(self, broker: LocalPubSub) -> None:
        self._broker = broker

    def handlers(self) -> dict[str, Handler]:
        return {
            QuickPublish.OPERATION: self.publish,
            f"{NAMESPACE}SubscribeToTopic": self.subscribe,
        }

    def publish(self, call: Call) -> Members:
        self._broker.publish(call.principal, call.members["topic"], call.members["publishMessage"])
        return {}

    def subscribe(self, call: Call) -> Subscription:
        topic = call.members["topic"]
        named = call.members.get("receiveMode")
        mode = None if named is None else ReceiveMode(named)
        check_filter(topic)

        def start(sink: EventSink) -> Callable[[], None]:
            return self._broker.subscribe(call.principal, topic, sink, mode)

        return Subscription(start, {}, topic)


class _Context(msgspec.Struct, gc=False):
    topic: str | None = None


class _Content(msgspec.Struct, gc=False):
    message: msgspec.Raw
    context: _Context | None = None


class _Message(msgspec.Struct, rename="camel", gc=False):
    json_message: _Content | None = None
    binary_message: _Content | None = None


class _Publish(msgspec.Struct, rename="camel", gc=False):
    topic: str
    publish_message: _Message


_decode = msgspec.json.Decoder(_Publish).decode

_DIGITS = 4000
"""Python reads no integer of more than 4300 digits, so no such integer may reach a subscriber."""
_LONG_NUMBER = re.compile(rb"\d{%d}" % _DIGITS)


class QuickPublish:
    """`QuickHandler` of PublishToTopic."""

    OPERATION = f"{NAMESPACE}PublishToTopic"

    def __init__(self, broker: LocalPubSub) -> None:
        self._broker = broker

    def read(self, payload: bytes) -> QuickRequest | None:
        try:
            request = _decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        message = request.publish_message
        if message.json_message is not None:
            kind, content = Kind.JSON, message.json_message
            is_plain = is_plain_document
        elif message.binary_message is not None:
            kind, content = Kind.BINARY, message.binary_message
            is_plain = is_plain_blob
        else:
            return None
        raw = bytes(content.message)
        if (message.binary_message is not None) is (kind is Kind.JSON):
            return None
        if not is_text(payload) or not is_plain(raw):
            return None
        return QuickRequest(request.topic, kind, raw)

    def carry_out(self, principal: str, request: QuickRequest) -> bytes:
        self._broker.publish_content(principal, request.resource, request.kind, request.content)
        return b"{}"


def is_text(payload: bytes) -> bool:
    """Whether it is UTF-8 and writes no halves of surrogate pairs: what is passed on unread has
    to be valid as well."""
    if b"\\u" in payload and (b"\\ud" in payload or b"\\uD" in payload):
        return False
    if payload.isascii():
        return True
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_plain_document(raw: bytes) -> bool:
    """Whether valid JSON is an object that surely is not too deep and that Python can read."""
    return (
        raw.startswith(b"{")
        and raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH
        and (len(raw) < _DIGITS or _LONG_NUMBER.search(raw) is None)
    )


def is_plain_blob(raw: bytes) -> bool:
    """Whether a JSON value is base64 text without escapes."""
    return raw.startswith(b'"') and b"\\" not in raw and is_base64(raw[1:-1])
