"""What each message means at each point of a connection, as one table."""

from __future__ import annotations

import pytest

from greendock.ipc import rpc
from greendock.ipc.eventstream import Decoder, EventStreamError, Int16, encode
from greendock.ipc.protocol import ProtocolViolationError, Verdict, judge

OPERATION = "aws.greengrass#ListComponents"


def envelope(kind: int, stream: int, flags: int = 0, operation: str | None = None) -> rpc.Envelope:
    return rpc.Envelope(kind, flags, stream, operation, None)


def verdict(message: rpc.Envelope, *, connected: bool = True) -> Verdict | str:
    """With streams 1 to 5 used and stream 3 live."""
    try:
        return judge(message, connected=connected, last_stream=5, live={3})
    except ProtocolViolationError:
        return "violation"


TABLE = [
    (envelope(rpc.PING, 0), Verdict.PING),
    (envelope(rpc.PING_RESPONSE, 0), Verdict.IGNORE),
    (envelope(rpc.PROTOCOL_ERROR, 0), Verdict.LEAVE),
    (envelope(rpc.INTERNAL_ERROR, 0), Verdict.LEAVE),
    (envelope(rpc.CONNECT, 0), "violation"),
    (envelope(rpc.CONNECT_ACK, 0), "violation"),
    (envelope(0, 0), "violation"),
    (envelope(1, 0), "violation"),
    (envelope(8, 0), "violation"),
    (envelope(-1, 0), "violation"),
    (envelope(0, 6, 0, OPERATION), Verdict.OPEN),
    (envelope(0, 6, 1, OPERATION), Verdict.OPEN),
    (envelope(0, 6, 2, OPERATION), Verdict.SKIP),
    (envelope(0, 6), "violation"),
    (envelope(1, 6, 0, OPERATION), "violation"),
    (envelope(0, 7, 0, OPERATION), "violation"),
    (envelope(0, 5, 0, OPERATION), "violation"),
    (envelope(0, 5, 2), Verdict.IGNORE),
    (envelope(0, 3), Verdict.EXTRA),
    (envelope(0, 3, 2), Verdict.CLOSE),
    (envelope(1, 3, 2), Verdict.CLOSE),
    (envelope(2, 3), "violation"),
    (envelope(0, -1, 0, OPERATION), "violation"),
]


@pytest.mark.parametrize(("message", "expected"), TABLE, ids=lambda value: str(value))
def test_table_of_messages_after_the_handshake(message, expected):
    assert verdict(message) == expected


@pytest.mark.parametrize("kind", range(9))
def test_only_connect_may_come_first(kind):
    expected = Verdict.GREET if kind == rpc.CONNECT else "violation"
    assert verdict(envelope(kind, 0), connected=False) == expected
    assert verdict(envelope(kind, 1), connected=False) == "violation"


def test_names_of_headers_are_read_without_regard_to_case():
    [message] = Decoder().feed(
        encode([(":Message-Type", 4), (":MESSAGE-FLAGS", 2), (":stream-id", 9)])
    )
    assert rpc.envelope(message)[:3] == (4, 2, 9)


@pytest.mark.parametrize(
    "headers",
    [
        [(":message-type", 0), (":message-flags", 0)],
        [(":message-type", 0), (":message-flags", 0), (":stream-id", "1")],
        [(":message-type", True), (":message-flags", 0), (":stream-id", 1)],
        [(":message-type", Int16(0)), (":message-flags", 0), (":stream-id", 1)],
    ],
)
def test_the_three_numbers_are_mandatory(headers):
    [message] = Decoder().feed(encode(headers))
    with pytest.raises(EventStreamError, match="int32"):
        rpc.envelope(message)
