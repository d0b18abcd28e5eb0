"""A header block that was seen before means what reading it anew would give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.ipc import rpc
from greendock.ipc.envelopes import MAX_BLOCKS, EnvelopeReader
from greendock.ipc.eventstream import (
    Decoder,
    EventStreamError,
    FrameForm,
    Int16,
    Message,
    encode,
    read_headers,
)

MANDATORY = [":message-type", ":message-flags", ":stream-id"]
NAMES = [*MANDATORY, ":Stream-Id", "operation", "x", "service-model-type"]
MARK = b"\x0a:stream-id\x04"


def block_of(headers, payload=b""):
    [(block, _)] = Decoder().frames(encode(headers, payload))
    return block


def anew(block):
    try:
        return rpc.envelope(Message(read_headers(block), b""))
    except EventStreamError as error:
        return type(error)


def read(reader, block):
    try:
        return reader.read(block)
    except EventStreamError as error:
        return type(error)


numbers = st.integers(-(2**31), 2**31 - 1)
values = st.one_of(
    numbers,
    st.sampled_from([0, 1, 2]),
    st.text(max_size=5),
    st.builds(Int16, st.integers(0, 9)),
    # Values that look like the header of a stream id.
    numbers.map(lambda n: MARK + n.to_bytes(4, "big", signed=True)),
    st.just("\n:stream-id\x04abcd"),
)
blocks = st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=7).map(block_of)


@given(st.lists(st.tuples(blocks, numbers), min_size=1, max_size=6))
def test_a_reader_agrees_with_reading_anew(cases):
    """Each block, and the same with another number wherever a stream id seems to be."""
    reader = EnvelopeReader()
    for block, number in cases:
        assert read(reader, block) == anew(block)
        at = block.find(MARK)
        if at >= 0:
            end = at + len(MARK)
            other = block[:end] + number.to_bytes(4, "big", signed=True) + block[end + 4 :]
            assert read(reader, other) == anew(other)
            assert read(reader, block) == anew(block)


@given(st.binary(max_size=60), st.binary(max_size=20))
def test_any_bytes_around_a_mark(before, after):
    reader = EnvelopeReader()
    for number in (b"\0\0\0\1", b"\0\0\0\2", b"\xff\xff\xff\xff"):
        block = before + MARK + number + after
        assert read(reader, block) == anew(block)


def test_requests_that_differ_in_their_stream_are_remembered_once():
    reader = EnvelopeReader()
    for stream in range(1, 100):
        [(block, _)] = Decoder().frames(rpc.request(stream, "aws.greengrass#X", b"{}"))
        assert reader.read(block) == (0, 0, stream, "aws.greengrass#X", "aws.greengrass#XRequest")
    assert len(reader._known) == 1


def test_what_is_remembered_is_bounded():
    reader = EnvelopeReader()
    for number in range(10 * MAX_BLOCKS):
        [(block, _)] = Decoder().frames(rpc.request(1, f"operation-{number}", b"{}"))
        reader.read(block)
    assert len(reader._known) <= MAX_BLOCKS
    reader = EnvelopeReader()
    reader.read(block_of([*rpc_numbers(1), ("operation", "x" * 10_000)]))
    assert not reader._known


def rpc_numbers(stream):
    return [(":message-type", 0), (":message-flags", 0), (":stream-id", stream)]


# -- the way out


@given(numbers, st.lists(st.binary(max_size=50), min_size=1, max_size=5))
def test_a_form_writes_what_encode_writes(number, payloads):
    headers = [(":content-type", "application/json"), ("x", 7)]
    form = FrameForm(headers, ":stream-id")
    for payload in (*payloads, *reversed(payloads)):
        assert form.frame(number, payload) == encode([*headers, (":stream-id", number)], payload)


def test_a_form_refuses_what_is_too_large():
    form = FrameForm([], ":stream-id")
    with pytest.raises(EventStreamError, match="limit"):
        form.frame(1, bytes(24 * 1024 * 1024))
