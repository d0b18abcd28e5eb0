"""The codec writes and reads the published test vectors, and refuses what is no message."""

from __future__ import annotations

import struct
import zlib

import pytest

from greendock.ipc.eventstream import (
    MAX_MESSAGE,
    Decoder,
    EventStreamError,
    Int8,
    Int16,
    Int64,
    Message,
    Timestamp,
    Uuid,
    encode,
)

JSON = b"{'foo':'bar'}"

# Vectors that AWS publishes for implementations of the format.
VECTORS = [
    ([], b"", "000000100000000005c248eb7d98c8ff"),
    (
        [("event-type", 0x0000A00C)],
        JSON,
        "0000002d0000001041c424b80a6576656e742d74797065040000a00c"
        "7b27666f6f273a27626172277d36f480a0",
    ),
]

EVERY_KIND = [
    ("yes", True),
    ("no", False),
    ("int8", Int8(-2)),
    ("int16", Int16(-300)),
    ("int32", -70000),
    ("int64", Int64(-(2**40))),
    ("bytes", b"\x00\xff"),
    ("text", "Grüße"),
    ("when", Timestamp(1700000000123)),
    ("uuid", Uuid(bytes(range(16)))),
]


def frame(headers: bytes, payload: bytes = b"", *, total: int | None = None) -> bytes:
    """A frame by the layout alone, its lengths as told."""
    length = total if total is not None else len(headers) + len(payload) + 16
    prelude = struct.pack(">II", length, len(headers))
    prelude += struct.pack(">I", zlib.crc32(prelude))
    body = prelude + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.parametrize(("headers", "payload", "expected"), VECTORS)
def test_published_vectors(headers, payload, expected):
    assert encode(headers, payload).hex() == expected
    assert Decoder().feed(bytes.fromhex(expected)) == [Message(dict(headers), payload)]


def test_every_kind_of_header_has_its_bytes():
    values = {
        "yes": "00",
        "no": "01",
        "int8": "02fe",
        "int16": "03fed4",
        "int32": "04fffeee90",
        "int64": "05ffffff0000000000",
        "bytes": "06000200ff",
        "text": "0700074772c3bcc39f65",
        "when": "080000018bcfe5687b",
        "uuid": "09000102030405060708090a0b0c0d0e0f",
    }
    block = b"".join(
        bytes([len(name)]) + name.encode() + bytes.fromhex(value) for name, value in values.items()
    )
    assert encode(EVERY_KIND, b"p") == frame(block, b"p")


def test_every_kind_of_header_comes_back_with_its_type():
    [message] = Decoder().feed(encode(EVERY_KIND, b"body"))
    assert message == Message(dict(EVERY_KIND), b"body")
    assert {name: type(value) for name, value in message.headers.items()} == {
        name: type(value) for name, value in EVERY_KIND
    }


def test_a_message_may_come_byte_by_byte_and_several_at_once():
    data = encode(EVERY_KIND, b"one") + encode([], b"two")
    decoder = Decoder()
    single = [m for i in range(len(data)) for m in decoder.feed(data[i : i + 1])]
    assert single == Decoder().feed(data)
    assert [m.payload for m in single] == [b"one", b"two"]
    assert decoder.buffered == 0


def test_a_false_length_is_refused_before_any_body_comes():
    prelude = frame(b"", total=MAX_MESSAGE + 1)[:12]
    with pytest.raises(EventStreamError, match="limit"):
        Decoder().feed(prelude)


def test_the_prelude_checksum_is_checked_before_any_body_comes():
    prelude = bytearray(frame(b"", total=1000)[:12])
    prelude[11] ^= 1
    with pytest.raises(EventStreamError, match="checksum of its lengths"):
        Decoder().feed(bytes(prelude))


def test_the_largest_message_passes_and_one_byte_more_does_not():
    assert len(encode([], bytes(MAX_MESSAGE - 16))) == MAX_MESSAGE
    with pytest.raises(EventStreamError, match="limit"):
        encode([], bytes(MAX_MESSAGE - 15))


def test_a_decoder_may_allow_less():
    with pytest.raises(EventStreamError, match="limit 100"):
        Decoder(max_message=100).feed(encode([], bytes(85)))


BROKEN = {
    "length below the overhead": frame(b"", total=15),
    "headers longer than the message": struct.pack(">II", 16, 1)
    + struct.pack(">I", zlib.crc32(struct.pack(">II", 16, 1))),
    "unknown header type": frame(b"\x01a\x0a"),
    "name of no length": frame(b"\x00\x00"),
    "name beyond the block": frame(b"\x05ab"),
    "no type after the name": frame(b"\x02ab"),
    "number cut short": frame(b"\x01a\x04\x00\x00"),
    "text length cut short": frame(b"\x01a\x07\x00"),
    "text cut short": frame(b"\x01a\x07\x00\x05abc"),
    "text longer than allowed": frame(b"\x01a\x07\x80\x00" + bytes(0x8000)),
    "text that is not UTF-8": frame(b"\x01a\x07\x00\x01\xff"),
    "name that is not UTF-8": frame(b"\x01\xff\x00"),
    "too many headers": frame(b"\x01a\x00" * 1025),
    "header block over its limit": frame((b"\x01a\x06\x7f\xff" + bytes(0x7FFF)) * 5),
    "checksum of the message": encode([], b"abc")[:-1] + b"\x00",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_broken_frames_are_refused(data):
    with pytest.raises(EventStreamError):
        Decoder().feed(data)


@pytest.mark.parametrize(
    "headers",
    [
        [("", 1)],
        [("n" * 256, 1)],
        [("a", 2**31)],
        [("a", Int8(128))],
        [("a", "x" * 32768)],
        [("a", Uuid(b"short"))],
        [("a", 1.5)],
        [(f"h{i}", b"x" * 32000) for i in range(5)],
    ],
)
def test_what_has_no_form_is_not_written(headers):
    with pytest.raises(EventStreamError):
        encode(headers)
