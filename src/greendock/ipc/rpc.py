"""The Greengrass RPC messages on top of event-stream frames: their headers and payloads.

Pure: builds and classifies messages, keeps no stream or connection state (connection.py and the
CLI's client do). Shared by server and clients, so that both mean the same by each message.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from greendock.ipc.eventstream import EventStreamError, FrameForm, Message, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greendock.ipc.eventstream import HeaderValue

APPLICATION_MESSAGE = 0
APPLICATION_ERROR = 1
PING = 2
PING_RESPONSE = 3
CONNECT = 4
CONNECT_ACK = 5
PROTOCOL_ERROR = 6
INTERNAL_ERROR = 7

CONNECTION_ACCEPTED = 1
TERMINATE_STREAM = 2

VERSION = "0.1.0"
JSON_CONTENT = "application/json"
NAMESPACE = "aws.greengrass#"
EXTENSION_NAMESPACE = "greendock#"
SERVICE = "aws.greengrass#GreengrassCoreIPC"
MAX_STREAM_ID = 2**31 - 1


class MissingHeaderError(EventStreamError):
    """A valid message without the headers that make it one of this protocol."""


class Envelope(NamedTuple):
    """The mandatory headers of a message, and the two that say what it is."""

    type: int
    flags: int
    stream: int
    operation: str | None
    model: str | None
    """`service-model-type`: the full name of the shape in the payload."""

    @property
    def terminates(self) -> bool:
        return bool(self.flags & TERMINATE_STREAM)


def envelope(message: Message) -> Envelope:
    """What a received message is; MissingHeaderError when a mandatory header is."""
    headers = {name.lower(): value for name, value in message.headers.items()}
    numbers = [headers.get(name) for name in (":message-type", ":message-flags", ":stream-id")]
    if not all(type(number) is int for number in numbers):
        raise MissingHeaderError(
            "every message needs the int32 headers :message-type, :message-flags and :stream-id"
        )
    kind, flags, stream = (number for number in numbers if type(number) is int)
    operation, model = headers.get("operation"), headers.get("service-model-type")
    return Envelope(
        kind,
        flags,
        stream,
        operation if isinstance(operation, str) else None,
        model if isinstance(model, str) else None,
    )


def connect(token: str) -> bytes:
    """The first message of a client."""
    headers: list[tuple[str, HeaderValue]] = [(":version", VERSION)]
    return encode([*headers, *_mandatory(CONNECT, 0, 0)], to_json({"authToken": token}))


def connect_ack(*, accepted: bool) -> bytes:
    return encode(_mandatory(CONNECT_ACK, CONNECTION_ACCEPTED if accepted else 0, 0))


def request(stream: int, operation: str, payload: bytes) -> bytes:
    """Opens `stream`. `operation` is a full name such as `aws.greengrass#ListComponents`."""
    headers = _modelled(f"{operation}Request", APPLICATION_MESSAGE, 0, stream)
    return encode([*headers, ("operation", operation)], payload)


def response(stream: int, model: str, payload: bytes, *, last: bool) -> bytes:
    """The first answer on a stream: the only one (`last`), or the start of a subscription."""
    flags = TERMINATE_STREAM if last else 0
    return _form(model, APPLICATION_MESSAGE, flags).frame(stream, payload)


def event(stream: int, model: str, payload: bytes) -> bytes:
    """One event of a subscription; the payload is a union: an object with one member."""
    return _form(model, APPLICATION_MESSAGE, 0).frame(stream, payload)


def error(stream: int, model: str, members: Mapping[str, Any]) -> bytes:
    """A modelled error, which ends the stream. `model` is a full name such as
    `aws.greengrass#ServiceError`; the underscore members are those that Java clients read."""
    body = {
        **members,
        "_message": members.get("message", ""),
        "_errorCode": model.partition("#")[2],
        "_service": SERVICE,
    }
    return _form(model, APPLICATION_ERROR, TERMINATE_STREAM).frame(stream, to_json(body))


def terminate(stream: int) -> bytes:
    """Closes a stream, from either side; it has no answer."""
    return encode(_mandatory(APPLICATION_MESSAGE, TERMINATE_STREAM, stream))


def protocol_error(text: str) -> bytes:
    """What the peer did wrong; the sender closes the connection after it."""
    return _connection_error(PROTOCOL_ERROR, text)


def internal_error(text: str) -> bytes:
    """The sender can't go on with this connection and closes it."""
    return _connection_error(INTERNAL_ERROR, text)


def ping_response(ping: Message) -> bytes:
    """The answer to a ping: its payload and its headers that are not the protocol's own."""
    echoed = [(name, value) for name, value in ping.headers.items() if not name.startswith(":")]
    return encode([*_mandatory(PING_RESPONSE, 0, 0), *echoed], ping.payload)


def to_json(value: object) -> bytes:
    """Compact JSON in ASCII. Mappings of any kind are objects, sequences are arrays."""
    return _to_text(value).encode()


_to_text = json.JSONEncoder(separators=(",", ":"), default=dict).encode


def _connection_error(kind: int, text: str) -> bytes:
    headers: list[tuple[str, HeaderValue]] = [(":content-type", JSON_CONTENT)]
    return encode([*headers, *_mandatory(kind, 0, 0)], to_json({"message": text}))


@lru_cache(maxsize=256)
def _form(model: str, kind: int, flags: int) -> FrameForm:
    *headers, (last, _) = _modelled(model, kind, flags, 0)
    return FrameForm(headers, last)


def _modelled(model: str, kind: int, flags: int, stream: int) -> list[tuple[str, HeaderValue]]:
    headers: list[tuple[str, HeaderValue]] = [
        (":content-type", JSON_CONTENT),
        ("service-model-type", model),
    ]
    return headers + _mandatory(kind, flags, stream)


def _mandatory(kind: int, flags: int, stream: int) -> list[tuple[str, HeaderValue]]:
    return [(":message-type", kind), (":message-flags", flags), (":stream-id", stream)]
