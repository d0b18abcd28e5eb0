"""The end of a body is found wherever the pieces are cut; chunks that are odd are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.docker.gateway.bodies import ChunkedBody, body_of
from greendock.docker.gateway.http1 import Ends, Framing, MalformedMessageError


def chunked(pieces: list[bytes], trailer: bytes = b"") -> bytes:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(x), x) for x in pieces if x)
    return chunks + b"0\r\n" + trailer + b"\r\n"


def feed_in_pieces(body: object, raw: bytes, cuts: list[int]) -> int:
    """How many of the bytes were taken."""
    taken, at = 0, 0
    for cut in [*sorted(x % (len(raw) + 1) for x in cuts), len(raw)]:
        piece, at = raw[at:cut], cut
        used = body.feed(piece)  # type: ignore[attr-defined]
        taken += used
        if used < len(piece):
            assert body.done  # type: ignore[attr-defined]
            break
    return taken


@given(
    st.lists(st.binary(max_size=50), max_size=8),
    st.sampled_from([b"", b"A: b\r\n", b"A: b\r\nC: d\r\n"]),
    st.binary(max_size=20),
    st.lists(st.integers(0, 1000), max_size=12),
)
def test_chunks(pieces: list[bytes], trailer: bytes, rest: bytes, cuts: list[int]):
    content = bytearray()
    body = ChunkedBody(content.extend)
    raw = chunked(pieces, trailer)
    assert feed_in_pieces(body, raw + rest, cuts) == len(raw)
    assert (bytes(content), body.done) == (b"".join(pieces), True)


@given(st.integers(1, 60), st.binary(max_size=100), st.lists(st.integers(0, 200), max_size=6))
def test_a_length(length: int, raw: bytes, cuts: list[int]):
    content = bytearray()
    body = body_of(Framing(Ends.LENGTH, length), content.extend)
    feed_in_pieces(body, raw, cuts)
    assert bytes(content) == raw[:length]
    assert body.done is body.whole_at_close is (len(raw) >= length)


def test_until_the_end():
    body = body_of(Framing(Ends.CLOSE))
    assert (body.feed(b"abc"), body.done, body.whole_at_close) == (3, False, True)


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n",
        b"x\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b" 1\r\na\r\n",
        b"1 \r\na\r\n",
        b"1\na\r\n",
        b"1;a\nb\r\na\r\n",
        b"1;\ra\r\na\r\n",
        b"1;\x00\r\na\r\n",
        b"1\r\nab\r\n",
        b"1\r\na\n0\r\n\r\n",
        b"1\r\na\n\r\n",
        b"fffffffffffffffff\r\n",
        b"1;" + b"a" * 1100 + b"\r\n",
        b"1;" + b"a" * 5000,
        b"0\r\n\n",
        b"0\r\nA: b\n\r\n",
        b"0\r\n A: b\r\n\r\n",
        b"0\r\nA b\r\n\r\n",
        b"0\r\n" + b"A: bbbbbbbbbbbbbb\r\n" * 2000,
    ],
)
def test_odd_chunks_are_refused(raw: bytes):
    with pytest.raises(MalformedMessageError):
        ChunkedBody().feed(raw)
    with pytest.raises(MalformedMessageError):
        body = ChunkedBody()
        for at in range(len(raw)):
            body.feed(raw[at : at + 1])


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused(noise: bytes):
    body = ChunkedBody()
    try:
        used = body.feed(noise)
    except MalformedMessageError:
        return
    assert used == len(noise) or body.done
