"""Traffic of a hostile client, made from a seed: valid requests of all operations, then changed.

A change is made in the members, in the headers, in the bytes with checksums put right afterwards,
or in the bytes as they are. Everything is a function of the random source, so that a failure can
be repeated and made smaller.
"""

from __future__ import annotations

import base64
import json
import struct
from random import Random
from typing import Any
from zlib import crc32

from greendock.ipc import rpc
from greendock.ipc.eventstream import Int8, Int16, Int64, Timestamp, Uuid, encode
from greendock.ipc.kinds import Choice, ListOf, MapOf, Scalar, Structure
from greendock.ipc.shapes.table import OPERATIONS

NAMES = sorted(OPERATIONS)
PUBSUB = ["aws.greengrass#PublishToTopic", "aws.greengrass#SubscribeToTopic"]
TOPICS = ["a/b", "a/b", "a/b", "a/c", "a/+", "a/#", "#"]
TEXTS = [*TOPICS, "", "a", "com.example.A", "*", "\u2028", "x" * 300, "\x00"]
JUNK: list[Any] = [None, True, 0, -1, 2**70, 1.5, 1e308, "", "x", [], {}, [[]], {"a": None}]
IDS = ["11111111-2222-4333-8444-555555555555", "00000000-0000-4000-8000-000000000000"]
BYTES = [
    b"\\ud800",
    b"\\u",
    b"\x00",
    b"\xff",
    b'"',
    b"{",
    b"}",
    b"[",
    b"1e999",
    b"NaN",
    b",",
    b"\\",
]


class Traffic:
    """Frames for one connection after another; `fresh` when a new one begins."""

    def __init__(self, random: Random, tokens: list[str]) -> None:
        self._random = random
        self._tokens = tokens
        self._stream = 0

    def fresh(self) -> bytes:
        """What a new connection starts with: mostly a valid greeting."""
        self._stream = 0
        if self._random.random() < 0.9:
            return rpc.connect(self._random.choice(self._tokens))
        if self._random.random() < 0.5:
            return self._changed(rpc.connect(self._random.choice(self._tokens)))
        return self.next()

    def next(self) -> bytes:
        """Bytes of about one frame."""
        random = self._random
        frame = random.choices(
            [self._request, self._terminate, self._odd], weights=[40, 2, 1], k=1
        )[0]()
        chance = random.random()
        if chance < 0.75:
            return frame
        return self._repaired(frame) if chance < 0.97 else self._changed(frame)

    # -- frames

    def _request(self) -> bytes:
        random = self._random
        name = random.choice(PUBSUB if random.random() < 0.4 else NAMES)
        members = self._value(OPERATIONS[name].request)
        for _ in range(random.choice([0, 0, 1, 2])):
            members = self._spoiled(members)
        self._stream += 1
        payload = json.dumps(members).encode()
        if random.random() < 0.1:
            payload = self._bytes_changed(payload)
        headers: list[Any] = [
            (":content-type", "application/json"),
            ("service-model-type", f"{name}Request"),
            (":message-type", 0),
            (":message-flags", 0),
            (":stream-id", self._stream),
            ("operation", name),
        ]
        if random.random() < 0.08:
            headers = self._headers_changed(headers)
        return encode(headers, payload)

    def _terminate(self) -> bytes:
        return rpc.terminate(self._random.randint(1, max(1, self._stream)))

    def _odd(self) -> bytes:
        random = self._random
        numbers = [
            (":message-type", random.randint(-1, 9)),
            (":message-flags", random.choice([0, 1, 2, 3, -1])),
            (
                ":stream-id",
                random.choice([0, 0, 1, self._stream, self._stream + 1, -1, 2**31 - 1]),
            ),
        ]
        return encode([*numbers, ("operation", random.choice(NAMES))], random.randbytes(20))

    # -- values

    def _value(self, kind: Any) -> Any:
        random = self._random
        if isinstance(kind, Structure):
            return self._structure(kind)
        if isinstance(kind, MapOf):
            return {
                random.choice(TEXTS): self._value(kind.value) for _ in range(random.randint(0, 2))
            }
        if isinstance(kind, ListOf):
            return [self._value(kind.item) for _ in range(random.randint(0, 3))]
        if isinstance(kind, Choice):
            return random.choice(kind.values)
        return self._scalar(kind)

    def _structure(self, kind: Structure) -> dict[str, Any]:
        random = self._random
        members = {name: self._value(part) for name, part in kind.required.items()}
        optional = list(kind.optional.items())
        if kind.is_union:
            optional = [random.choice(optional)]
        for name, part in optional:
            if kind.is_union or random.random() < 0.5:
                members[name] = self._value(part)
        return members

    def _scalar(self, kind: Scalar) -> Any:
        random = self._random
        return {
            Scalar.STRING: random.choice(TEXTS),
            Scalar.INTEGER: random.choice([0, 1, -1, 2**40]),
            Scalar.DOUBLE: random.choice([0, 0.5, -1e300]),
            Scalar.BOOLEAN: random.random() < 0.5,
            Scalar.DOCUMENT: {random.choice(TEXTS): random.choice(JUNK)},
            Scalar.UUID: random.choice(IDS),
            Scalar.BLOB: base64.b64encode(random.randbytes(random.choice([0, 5, 300]))).decode(),
            Scalar.TIMESTAMP: random.choice([0, 1.7e9, -1]),
        }[kind]

    def _spoiled(self, value: Any) -> Any:
        """With one part somewhere in it replaced, removed or wrapped."""
        random = self._random
        if isinstance(value, dict) and value and random.random() < 0.8:
            name = random.choice(list(value))
            if random.random() < 0.2:
                return {key: part for key, part in value.items() if key != name}
            return {**value, name: self._spoiled(value[name])}
        if isinstance(value, list) and value and random.random() < 0.8:
            return [self._spoiled(value[0]), *value[1:]]
        deep: Any = random.choice(JUNK)
        for _ in range(random.choice([0, 0, 0, 3, 120])):
            deep = {"a": deep} if random.random() < 0.5 else [deep]
        return deep

    # -- bytes

    def _headers_changed(self, headers: list[Any]) -> list[Any]:
        random = self._random
        at = random.randrange(len(headers))
        name = headers[at][0]
        change = random.randrange(4)
        if change == 0:
            return headers[:at] + headers[at + 1 :]
        if change == 1:
            return [*headers, headers[at]]
        if change == 2:
            return [*headers[:at], (name.upper(), headers[at][1]), *headers[at + 1 :]]
        value = random.choice(
            [True, False, Int8(1), Int16(1), 7, Int64(1), b"x", "y", Timestamp(1), Uuid(bytes(16))]
        )
        return [*headers[:at], (name, value), *headers[at + 1 :]]

    def _bytes_changed(self, data: bytes) -> bytes:
        random, changed = self._random, bytearray(data)
        for _ in range(random.randint(1, 3)):
            at = random.randrange(len(changed) + 1)
            change = random.randrange(4)
            if change == 0 and at < len(changed):
                changed[at] ^= 1 << random.randrange(8)
            elif change == 1:
                changed[at:at] = random.choice(BYTES)
            elif change == 2:
                del changed[at : at + random.randint(1, 8)]
            else:
                changed[at:at] = changed[at : at + 30]
        return bytes(changed)

    def _repaired(self, frame: bytes) -> bytes:
        """Changed in its headers or its payload, with lengths and checksums that are right."""
        random = self._random
        end = 12 + int.from_bytes(frame[4:8], "big")
        headers, payload = frame[12:end], frame[end:-4]
        if random.random() < 0.2:
            headers = self._bytes_changed(headers)
        else:
            payload = self._bytes_changed(payload)
        lengths = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
        body = lengths + struct.pack(">I", crc32(lengths)) + headers + payload
        return body + struct.pack(">I", crc32(body))

    def _changed(self, frame: bytes) -> bytes:
        """Changed as it is; sometimes a beginning that promises much and is right so far."""
        if self._random.random() < 0.2:
            lengths = struct.pack(
                ">II",
                self._random.choice([0, 15, 16, 2**24, 25_165_824, 25_165_825, 2**32 - 1]),
                self._random.choice([0, 16, 131_072, 131_073, 2**32 - 1]),
            )
            return lengths + struct.pack(">I", crc32(lengths)) + frame
        return self._bytes_changed(frame)
