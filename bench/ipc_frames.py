"""Frames of the load client: requests made in advance, so that sending them costs next to nothing.

Written apart from the product's codec, so that one checks the other: the header order is that of
the official SDK, the checksum is continued over the part that changes.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib

PAYLOAD_BYTES = 256


def _text(name: str, value: str) -> bytes:
    raw = value.encode()
    return bytes((len(name),)) + name.encode() + b"\x07" + struct.pack(">H", len(raw)) + raw


def _number(name: str, value: int) -> bytes:
    return bytes((len(name),)) + name.encode() + b"\x04" + struct.pack(">i", value)


def frame(headers: bytes, payload: bytes) -> bytes:
    lengths = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    body = lengths + struct.pack(">I", zlib.crc32(lengths)) + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


def connect(token: str) -> bytes:
    headers = _text(":version", "0.1.0") + _number(":message-type", 4)
    headers += _number(":message-flags", 0) + _number(":stream-id", 0)
    return frame(headers, json.dumps({"authToken": token}).encode())


def terminate(stream: int) -> bytes:
    headers = _number(":message-type", 0) + _number(":message-flags", 2)
    return frame(headers + _number(":stream-id", stream), b"")


def requests(operation: str, members: object, first: int, count: int) -> list[bytes]:
    """The same request on streams `first` and those after it."""
    name = f"aws.greengrass#{operation}"
    begin = _text(":content-type", "application/json")
    begin += _text("service-model-type", f"{name}Request")
    begin += _number(":message-type", 0) + _number(":message-flags", 0)
    end = _text("operation", name)
    payload = json.dumps(members).encode()
    whole = frame(begin + _number(":stream-id", 0) + end, payload)
    at = 12 + len(begin) + len(_number(":stream-id", 0)) - 4
    before, after = whole[:at], whole[at + 4 : -4]
    checksum = zlib.crc32(before)
    made = []
    for number in range(first, first + count):
        rest = struct.pack(">i", number) + after
        made.append(b"".join((before, rest, struct.pack(">I", zlib.crc32(rest, checksum)))))
    return made


def publish(topic: str, first: int, count: int) -> list[bytes]:
    data = base64.b64encode(bytes(range(256))[:PAYLOAD_BYTES]).decode()
    members = {"topic": topic, "publishMessage": {"binaryMessage": {"message": data}}}
    return requests("PublishToTopic", members, first, count)


def subscribe(topic: str, stream: int = 1) -> bytes:
    return requests("SubscribeToTopic", {"topic": topic}, stream, 1)[0]
