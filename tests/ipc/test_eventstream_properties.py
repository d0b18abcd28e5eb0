"""Properties of the codec: round trip, any cut of the stream, and mutated frames."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from greendock.ipc.eventstream import (
    Decoder,
    EventStreamError,
    Int8,
    Int16,
    Int64,
    Timestamp,
    Uuid,
    encode,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
values = st.one_of(
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.binary(max_size=100),
    texts,
    st.integers(-128, 127).map(Int8),
    st.integers(-(2**15), 2**15 - 1).map(Int16),
    st.integers(-(2**63), 2**63 - 1).map(Int64),
    st.integers(-(2**63), 2**63 - 1).map(Timestamp),
    st.binary(min_size=16, max_size=16).map(Uuid),
)
names = texts.filter(lambda name: 0 < len(name.encode()) <= 255)
messages = st.tuples(st.dictionaries(names, values, max_size=8), st.binary(max_size=300))


@given(messages)
def test_round_trip(message):
    headers, payload = message
    [found] = Decoder().feed(encode(headers.items(), payload))
    assert (found.headers, found.payload) == message
    assert [type(value) for value in found.headers.values()] == [
        type(value) for value in headers.values()
    ]


@given(st.lists(messages, max_size=5), st.data())
def test_any_cut_of_the_stream_gives_the_same_messages(sent, data):
    stream = b"".join(encode(headers.items(), payload) for headers, payload in sent)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=10).map(sorted))
    decoder = Decoder()
    found = []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += decoder.feed(stream[start:stop])
    assert [(m.headers, m.payload) for m in found] == sent
    assert decoder.buffered == 0


@given(messages, st.data())
def test_a_changed_byte_never_passes_as_a_message(message, data):
    frame = bytearray(encode(message[0].items(), message[1]))
    place = data.draw(st.integers(0, len(frame) - 1))
    frame[place] ^= data.draw(st.integers(1, 255))
    try:
        found = Decoder().feed(bytes(frame))
    except EventStreamError:
        return
    assert found == [], "a single changed byte must not get past the checksums"


@given(st.binary(max_size=500))
def test_noise_is_refused_or_waited_for(noise):
    decoder = Decoder()
    try:
        decoder.feed(noise)
    except EventStreamError:
        return
    assert decoder.buffered <= len(noise)
