"""A head that is accepted has one meaning; what could be read in two ways is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.docker.gateway import http1
from greendock.docker.gateway.exchange import AnswerHead, RequestHead
from greendock.docker.gateway.http1 import Answer, Ends, Framing, MalformedMessageError


def request(*lines: bytes, first: bytes = b"POST /x HTTP/1.1") -> bytes:
    return b"\r\n".join((first, *lines)) + b"\r\n\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        request(first=b""),
        request(first=b"GET /x"),
        request(first=b"GET  /x HTTP/1.1"),
        request(first=b"GET /x  HTTP/1.1"),
        request(first=b" GET /x HTTP/1.1"),
        request(first=b"GET /x HTTP/1.1 "),
        request(first=b"GET /a b HTTP/1.1"),
        request(first=b"GET http://docker/x HTTP/1.1"),
        request(first=b"CONNECT docker:80 HTTP/1.1"),
        request(first=b"OPTIONS * HTTP/1.1"),
        request(first=b"GET /x#y HTTP/1.1"),
        request(first=b"GET /\xc3\xa9 HTTP/1.1"),
        request(first=b"GET /x\x00 HTTP/1.1"),
        request(first=b"G(T /x HTTP/1.1"),
        request(b"Host : x"),
        request(b" Host: x"),
        request(b"Host"),
        request(b": x"),
        request(b"A: 1", b" folded"),
        request(b"A: 1", b"\tfolded"),
        request(b"A: 1\nContent-Length: 5"),
        request(b"A: 1\rContent-Length: 5"),
        request(b"A: \x00"),
        request(b"A: \x7f"),
        request(b"\xc3\xa9: x"),
        b"GET /x HTTP/1.1\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_plain_head_is_refused(raw: bytes):
    with pytest.raises(MalformedMessageError):
        http1.parse_request(raw)


@pytest.mark.parametrize("first", [b"GET /x HTTP/2.0", b"GET /x HTTP/0.9", b"PRI /x HTTP/1.2"])
def test_other_versions_are_named(first: bytes):
    with pytest.raises(MalformedMessageError) as caught:
        http1.parse_request(request(first=first))
    assert caught.value.status == 505


@pytest.mark.parametrize(
    ("lines", "framing"),
    [
        ([], Framing(Ends.AT_ONCE)),
        ([b"Content-Length: 0"], Framing(Ends.AT_ONCE)),
        ([b"content-LENGTH:  17\t"], Framing(Ends.LENGTH, 17)),
        ([b"Transfer-Encoding: Chunked"], Framing(Ends.CHUNKS)),
    ],
)
def test_framing_of_requests(lines: list[bytes], framing: Framing):
    assert http1.request_framing(http1.parse_request(request(*lines))) == framing


@pytest.mark.parametrize(
    "lines",
    [
        [b"Content-Length: 5", b"Content-Length: 6"],
        [b"Content-Length: 5", b"Content-Length: 5"],
        [b"Content-Length: 5, 5"],
        [b"Content-Length: +5"],
        [b"Content-Length: -1"],
        [b"Content-Length: 0x5"],
        [b"Content-Length: 5 5"],
        [b"Content-Length:"],
        [b"Content-Length: 1_0"],
        [b"Content-Length: \xb2"],
        [b"Content-Length: 99999999999999999999"],
        [b"Content-Length: 5", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Content-Length: 5"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked, chunked"],
        [b"Transfer-Encoding: gzip, chunked"],
        [b"Transfer-Encoding: identity"],
        [b"Transfer-Encoding: xchunked"],
        [b"Transfer-Encoding:"],
    ],
)
def test_odd_framing_is_refused(lines: list[bytes]):
    head = http1.parse_request(request(*lines))
    with pytest.raises(MalformedMessageError):
        http1.request_framing(head)


def test_chunks_in_http_1_0_are_refused():
    raw = request(b"Transfer-Encoding: chunked", first=b"POST /x HTTP/1.0")
    with pytest.raises(MalformedMessageError):
        http1.request_framing(http1.parse_request(raw))


@pytest.mark.parametrize(
    ("method", "status", "headers", "ends"),
    [
        ("GET", 200, (("Content-Length", "3"),), Ends.LENGTH),
        ("GET", 200, (("Transfer-Encoding", "chunked"),), Ends.CHUNKS),
        ("GET", 200, (), Ends.CLOSE),
        ("HEAD", 200, (("Content-Length", "3"),), Ends.AT_ONCE),
        ("POST", 204, (), Ends.AT_ONCE),
        ("GET", 304, (("Content-Length", "3"),), Ends.AT_ONCE),
        ("POST", 101, (), Ends.AT_ONCE),
    ],
)
def test_framing_of_answers(method: str, status: int, headers: http1.Headers, ends: Ends):
    answer = Answer(AnswerHead(status, "", headers), "HTTP/1.1")
    assert http1.answer_framing(method, answer).ends is ends


RAW = ("Content-Type", "application/vnd.docker.raw-stream")
MULTIPLEXED = ("content-type", "application/vnd.docker.multiplexed-stream; x=y")


@pytest.mark.parametrize(
    ("method", "status", "version", "headers", "hands_over"),
    [
        ("POST", 101, "HTTP/1.1", (RAW,), True),
        ("GET", 101, "HTTP/1.1", (), True),
        ("POST", 200, "HTTP/1.1", (RAW,), True),
        ("POST", 200, "HTTP/1.1", (MULTIPLEXED,), True),
        ("GET", 200, "HTTP/1.1", (RAW,), False),
        ("POST", 200, "HTTP/1.0", (RAW,), False),
        ("POST", 200, "HTTP/1.1", (RAW, ("Transfer-Encoding", "chunked")), False),
        ("POST", 200, "HTTP/1.1", (RAW, ("Content-Length", "3")), False),
        ("POST", 200, "HTTP/1.1", (RAW, ("Connection", "Close")), False),
        ("POST", 200, "HTTP/1.1", (("Content-Type", "text/plain"),), False),
        ("POST", 404, "HTTP/1.1", (RAW,), False),
    ],
)
def test_when_a_connection_is_handed_over(
    method: str, status: int, version: str, headers: http1.Headers, hands_over: bool
):
    answer = Answer(AnswerHead(status, "", headers), version)
    assert http1.hands_over(method, answer) is hands_over


@pytest.mark.parametrize(
    ("version", "connection", "keeps"),
    [
        ("HTTP/1.1", None, True),
        ("HTTP/1.1", "keep-alive", True),
        ("HTTP/1.1", "Upgrade, CLOSE", False),
        ("HTTP/1.0", None, False),
        ("HTTP/1.0", "Keep-Alive", True),
        ("HTTP/1.0", "keep-alive, close", False),
    ],
)
def test_whether_a_connection_stays_open(version: str, connection: str | None, keeps: bool):
    headers = () if connection is None else (("connection", connection),)
    assert http1.keeps_open(version, headers) is keeps


NAMES = st.text("abcXYZ-019", min_size=1, max_size=12)
VALUES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30
).filter(lambda x: not any(0x7F <= ord(c) < 0x80 for c in x))


@given(
    st.sampled_from(["GET", "POST", "DELETE"]),
    st.text("/abc%?&=.", max_size=20),
    st.lists(st.tuples(NAMES, VALUES.map(str.strip)), max_size=6),
)
def test_what_is_written_is_read_back(method: str, path: str, headers: list[tuple[str, str]]):
    kept = tuple((n, v.strip(" \t")) for n, v in headers)
    head = RequestHead(method, "/" + path, kept)
    assert http1.parse_request(http1.write_request(head)) == head


@pytest.mark.parametrize(
    "head",
    [
        RequestHead("GET", "/x", (("A", "1\r\nB: 2"),)),
        RequestHead("GET", "/x", (("A\r\nB", "1"),)),
        RequestHead("GET", "/x HTTP/1.1\r\nA: 1", ()),
        RequestHead("GET /y", "/x", ()),
        RequestHead("GET", "/x", (("A", "\u0100"),)),
    ],
)
def test_no_head_is_written_that_reads_differently(head: RequestHead):
    with pytest.raises(MalformedMessageError):
        http1.write_request(head)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(noise: bytes):
    for parse in (http1.parse_request, http1.parse_answer):
        with contextlib.suppress(MalformedMessageError):
            parse(noise + b"\r\n\r\n")
