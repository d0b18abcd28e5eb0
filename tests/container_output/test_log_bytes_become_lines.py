"""The engine's log stream becomes lines with stream and time: frames torn anywhere, lines that the
log driver had cut, output of terminals, lines without an end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.base.lines import LINE_LIMIT_BYTES
from greendock.docker.engine.log_frames import CUT_BYTES, LogDecoder

T0 = "2026-11-28T02:24:18.171406356Z"
T1 = "2026-11-28T02:24:19.000000001Z"
NS0 = 1795832658_171406356
NS1 = 1795832659_000000001


def frame(kind: int, text: bytes, stamp: str = T0) -> bytes:
    body = stamp.encode() + b" " + text
    return bytes([kind, 0, 0, 0]) + len(body).to_bytes(4, "big") + body


def decode(data: bytes, *cuts: int, has_terminal: bool = False):
    decoder = LogDecoder(has_terminal=has_terminal)
    found = []
    for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        found += decoder.feed(data[start:end])
    found += decoder.finish()
    return [(line.stream, line.time_ns, line.text) for line in found]


def test_streams_and_stamps_are_told():
    data = frame(1, b"one\n") + frame(2, b"two\n", T1)
    assert decode(data) == [("stdout", NS0, "one"), ("stderr", NS1, "two")]


@given(st.integers(1, 120), st.integers(1, 120))
def test_a_torn_frame_is_put_together(one, other):
    data = frame(1, "grün\n".encode()) + frame(2, b"\n") + frame(1, b"last\n", T1)
    cuts = sorted({min(one, len(data)), min(other, len(data))})
    expected = [("stdout", NS0, "grün"), ("stderr", NS0, ""), ("stdout", NS1, "last")]
    assert decode(data, *cuts) == expected


@pytest.mark.parametrize("has_terminal", [False, True])
def test_a_line_that_the_driver_cut_is_one_line(has_terminal):
    first, rest = b"a" * CUT_BYTES, b"b" * 100 + b"\n"
    if has_terminal:
        data = b"".join(T0.encode() + b" " + x for x in (first, rest, b"next\r\n"))
    else:
        data = frame(1, first) + frame(2, b"between\n", T1) + frame(1, rest) + frame(1, b"next\n")
    found = [x for x in decode(data, has_terminal=has_terminal) if x[0] == "stdout"]
    assert found == [
        ("stdout", NS0, "a" * CUT_BYTES + "b" * 100),
        ("stdout", NS0, "next"),
    ]


def test_lines_tell_what_is_open():
    decoder = LogDecoder(has_terminal=False)
    (line,) = decoder.feed(frame(1, b"a" * CUT_BYTES) + frame(2, b"between\n", T1))
    assert line.open_ns == NS0
    (line,) = decoder.feed(frame(1, b"end\n"))
    assert line.open_ns == 0


@pytest.mark.parametrize("has_terminal", [False, True])
def test_output_without_an_end_is_a_line_even_when_the_container_runs_again(has_terminal):
    parts = [(b"unended", T0), (b"again\n", T1)]
    if has_terminal:
        data = b"".join(stamp.encode() + b" " + text for text, stamp in parts)
    else:
        data = b"".join(frame(1, text, stamp) for text, stamp in parts)
    expected = [("stdout", NS0, "unended"), ("stdout", NS1, "again")]
    assert decode(data, has_terminal=has_terminal) == expected


def test_a_stamp_in_the_text_of_a_terminal_stays_text():
    text = f"at {T0} it was".encode()
    assert decode(T1.encode() + b" " + text + b"\r\n", has_terminal=True) == [
        ("stdout", NS1, text.decode())
    ]


@pytest.mark.parametrize("has_terminal", [False, True])
def test_a_line_without_end_is_bounded(has_terminal):
    pieces = [b"x" * CUT_BYTES] * 20
    if has_terminal:
        data = b"".join(T0.encode() + b" " + piece for piece in pieces)
    else:
        data = b"".join(frame(1, piece) for piece in pieces)
    found = decode(data, has_terminal=has_terminal)
    assert max(len(text) for _, _, text in found) == LINE_LIMIT_BYTES
    assert sum(len(text) for _, _, text in found) == 20 * CUT_BYTES


def test_a_progress_bar_is_split_as_a_scripts_is():
    assert [text for _, _, text in decode(frame(1, b"10%\r20%\r\n"))] == ["10%", "20%"]


@given(st.binary(max_size=300), st.booleans())
def test_junk_does_no_harm(data, has_terminal):
    assert isinstance(decode(data, has_terminal=has_terminal), list)
    assert decode(frame(1, data.replace(b"\n", b"") + b"\n"))


def test_what_the_engine_says_of_its_log_is_told():
    decoder = LogDecoder(has_terminal=False)
    text = b"Error grabbing logs: unexpected EOF\n"
    assert decoder.feed(bytes([3, 0, 0, 0]) + len(text).to_bytes(4, "big") + text) == []
    assert decoder.trouble == "Error grabbing logs: unexpected EOF"
