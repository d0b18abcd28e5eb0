"""The stream rules of the RPC protocol: what a message means at this point of a connection.

Pure: judges one message by its envelope and by what the connection has seen; connection.py does
what the verdict says. Raises ProtocolViolationError for everything that ends the connection.
"""

from __future__ import annotations

from collections.abc import Container
from enum import Enum, auto

from greendock.ipc import rpc


class ProtocolViolationError(Exception):
    """The peer broke the protocol; the text goes to it in a PROTOCOL_ERROR."""


class Verdict(Enum):
    GREET = auto()
    """The handshake: check version and token."""
    OPEN = auto()
    """A new stream with its request."""
    SKIP = auto()
    """A new stream that its first message ends: the id counts as used, nothing is done."""
    EXTRA = auto()
    """More data on a live stream; no operation takes any."""
    CLOSE = auto()
    """The client ends a live stream."""
    PING = auto()
    LEAVE = auto()
    """The peer reports an error of the connection and gives up."""
    IGNORE = auto()


def judge(
    envelope: rpc.Envelope, *, connected: bool, last_stream: int, live: Container[int]
) -> Verdict:
    """`last_stream` is the highest id that the client used, `live` the streams that are open."""
    is_plain = envelope.type == rpc.APPLICATION_MESSAGE and envelope.flags == 0
    if connected and is_plain and envelope.stream == last_stream + 1:
        # Nearly all messages; the checks below would let them through to the same place.
        return _judge_absent(envelope, last_stream)
    if not connected:
        if envelope.type == rpc.CONNECT and envelope.stream == 0:
            return Verdict.GREET
        raise ProtocolViolationError("the first message has to be CONNECT on stream 0")
    if envelope.stream == 0:
        return _judge_connection(envelope.type)
    if envelope.stream < 0 or envelope.type not in (
        rpc.APPLICATION_MESSAGE,
        rpc.APPLICATION_ERROR,
    ):
        raise ProtocolViolationError(
            f"message type {envelope.type} is not allowed on stream {envelope.stream}"
        )
    if envelope.stream in live:
        return Verdict.CLOSE if envelope.terminates else Verdict.EXTRA
    return _judge_absent(envelope, last_stream)


def _judge_connection(kind: int) -> Verdict:
    if kind == rpc.PING:
        return Verdict.PING
    if kind == rpc.PING_RESPONSE:
        return Verdict.IGNORE
    if kind in (rpc.PROTOCOL_ERROR, rpc.INTERNAL_ERROR):
        return Verdict.LEAVE
    if kind == rpc.CONNECT:
        raise ProtocolViolationError("a connection has one CONNECT only")
    raise ProtocolViolationError(f"message type {kind} is not allowed on stream 0")


def _judge_absent(envelope: rpc.Envelope, last_stream: int) -> Verdict:
    """A message for a stream that isn't live: over, new, or never to be."""
    if envelope.stream <= last_stream:
        if envelope.terminates:
            return Verdict.IGNORE
        raise ProtocolViolationError(f"stream {envelope.stream} is over; ids are used once")
    if envelope.stream != last_stream + 1:
        raise ProtocolViolationError(
            f"stream ids rise by one: after {last_stream} came {envelope.stream}"
        )
    if envelope.terminates:
        return Verdict.SKIP
    if envelope.type != rpc.APPLICATION_MESSAGE or envelope.operation is None:
        raise ProtocolViolationError(
            "the first message of a stream has to be a request with an operation"
        )
    return Verdict.OPEN
