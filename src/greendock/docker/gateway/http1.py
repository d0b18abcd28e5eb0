"""HTTP/1.1 heads: read strictly, written anew, and what they say about bodies and connections.

Pure. Takes less than the engine does (Go's net/http), never more: what is accepted here has one
meaning, so gateway and engine can't disagree about where a request ends. Refused are line ends
other than CR LF, folded lines, control characters, repeated or odd Content-Length, that together
with Transfer-Encoding, codings other than chunked, targets that are not a plain path. Called by
the connection and the relay.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from greendock.base.errors import GreendockError
from greendock.docker.gateway.exchange import AnswerHead, Headers, RequestHead

MAX_HEAD_BYTES = 64 * 1024
HEAD_END = b"\r\n\r\n"

_REQUEST_LINE = re.compile(
    # No "#": Go keeps it in the path, other readers begin a fragment there.
    rb"([!$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) (/[!\x22$-\x7e]*) HTTP/([0-9])\.([0-9])"
)
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?")
_HEADER = re.compile(
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*", re.DOTALL
)
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)
_RAW_TYPES = ("application/vnd.docker.raw-stream", "application/vnd.docker.multiplexed-stream")
_FRAMING_NAMES = ("content-length", "transfer-encoding")
_BODY_NAMES = (*_FRAMING_NAMES, "expect", "trailer")


class MalformedMessageError(GreendockError):
    """A peer sent no HTTP that is accepted here; `status` is the answer to a client for it."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Ends(Enum):
    """What ends a body."""

    AT_ONCE = auto()
    LENGTH = auto()
    CHUNKS = auto()
    CLOSE = auto()


@dataclass(frozen=True, slots=True)
class Framing:
    """How long a body is; `length_bytes` counts for LENGTH only."""

    ends: Ends
    length_bytes: int = 0

    @property
    def is_empty(self) -> bool:
        return self.ends is Ends.AT_ONCE


NO_BODY = Framing(Ends.AT_ONCE)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer's head with the version in its first line."""

    head: AnswerHead
    version: str


def parse_request(raw: bytes) -> RequestHead:
    """`raw` ends with the empty line. Raises MalformedMessageError."""
    first, *rest = raw[: -len(HEAD_END)].split(b"\r\n")
    found = _REQUEST_LINE.fullmatch(first)
    if found is None:
        raise MalformedMessageError("the first line of the request is not METHOD /PATH HTTP/1.1")
    method, target, major, minor = found.groups()
    if major != b"1" or minor not in (b"0", b"1"):
        raise MalformedMessageError("only HTTP/1.0 and HTTP/1.1 are spoken here", 505)
    version = f"HTTP/1.{minor.decode()}"
    return RequestHead(method.decode(), target.decode(), _headers(rest), version)


def parse_answer(raw: bytes) -> Answer:
    """`raw` ends with the empty line. Raises MalformedMessageError."""
    first, *rest = raw[: -len(HEAD_END)].split(b"\r\n")
    found = _STATUS_LINE.fullmatch(first)
    if found is None:
        raise MalformedMessageError("the first line of the answer is not HTTP/1.1 STATUS", 502)
    minor, status, reason = found.groups()
    head = AnswerHead(int(status), (reason or b"").decode("latin-1"), _headers(rest))
    return Answer(head, f"HTTP/1.{minor.decode()}")


def _headers(lines: list[bytes]) -> Headers:
    found = [_HEADER.fullmatch(line) for line in lines]
    if None in found:
        raise MalformedMessageError("a header line is not NAME: VALUE")
    return tuple((x[1].decode(), x[2].decode("latin-1")) for x in found if x is not None)


def write_request(head: RequestHead) -> bytes:
    """The bytes of a head. Raises MalformedMessageError for one that would be read differently."""
    lines = [f"{head.method} {head.target} {head.version}"]
    lines += [f"{name}: {value}" for name, value in head.headers]
    raw = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    if parse_request(raw) != head:
        raise MalformedMessageError("cannot write the request's head: it has odd characters", 500)
    return raw


def values(headers: Headers, name: str) -> list[str]:
    """The values of one header; `name` in lower case."""
    return [value for key, value in headers if key.lower() == name]


def tokens(headers: Headers, name: str) -> frozenset[str]:
    """The comma-separated words of a header, in lower case."""
    words = ",".join(values(headers, name)).lower().split(",")
    return frozenset(word.strip(" \t") for word in words)


def request_framing(head: RequestHead) -> Framing:
    """Raises MalformedMessageError."""
    framing = _declared(head.headers)
    if framing is None:
        return NO_BODY
    if framing.ends is Ends.CHUNKS and head.version == "HTTP/1.0":
        raise MalformedMessageError("HTTP/1.0 has no Transfer-Encoding")
    return framing


def answer_framing(method: str, answer: Answer) -> Framing:
    """Of the body that follows. Raises MalformedMessageError."""
    status = answer.head.status
    if method == "HEAD" or status < 200 or status in (204, 304):
        return NO_BODY
    return _declared(answer.head.headers) or Framing(Ends.CLOSE)


def _declared(headers: Headers) -> Framing | None:
    lengths = values(headers, "content-length")
    codings = values(headers, "transfer-encoding")
    if codings:
        if lengths:
            raise MalformedMessageError("Content-Length and Transfer-Encoding exclude each other")
        if len(codings) > 1 or codings[0].lower() != "chunked":
            raise MalformedMessageError("no Transfer-Encoding but chunked is known here", 501)
        return Framing(Ends.CHUNKS)
    if not lengths:
        return None
    if len(lengths) > 1 or not _DIGITS.fullmatch(lengths[0]):
        raise MalformedMessageError("Content-Length is not one number")
    length = int(lengths[0])
    return Framing(Ends.LENGTH, length) if length else NO_BODY


def hands_over(method: str, answer: Answer) -> bool:
    """Whether the connection is no HTTP any more from here on (`hijack` in Docker's words).

    Besides 101 that is the 200 to an attach or exec without an upgrade: HTTP/1.1 with a body of
    which nothing says where it ends, not even that the connection closes.
    """
    head = answer.head
    if head.status == 101:
        return True
    kinds = values(head.headers, "content-type")
    return (
        head.status == 200
        and method == "POST"
        and answer.version == "HTTP/1.1"
        and bool(kinds)
        and kinds[0].partition(";")[0].strip().lower() in _RAW_TYPES
        and answer_framing(method, answer).ends is Ends.CLOSE
        and "close" not in tokens(head.headers, "connection")
    )


def keeps_open(version: str, headers: Headers) -> bool:
    """Whether another request may follow on the connection, as far as this head says."""
    words = tokens(headers, "connection")
    if version == "HTTP/1.0":
        return "keep-alive" in words and "close" not in words
    return "close" not in words


def expects_continue(head: RequestHead) -> bool:
    return head.version == "HTTP/1.1" and "100-continue" in tokens(head.headers, "expect")


def with_length(head: RequestHead, length_bytes: int) -> RequestHead:
    """The head for a body of that length, sent as a whole."""
    kept = tuple(x for x in head.headers if x[0].lower() not in _BODY_NAMES)
    headers = (*kept, ("Content-Length", str(length_bytes)))
    return RequestHead(head.method, head.target, headers, head.version)


def with_framing_of(head: RequestHead, original: RequestHead) -> RequestHead:
    """The head with the framing that the client's body has, whatever the rules made of it."""
    ours = tuple(x for x in head.headers if x[0].lower() in _FRAMING_NAMES)
    theirs = tuple(x for x in original.headers if x[0].lower() in _FRAMING_NAMES)
    if ours == theirs and head.version == original.version:
        return head
    kept = tuple(x for x in head.headers if x[0].lower() not in _FRAMING_NAMES)
    return RequestHead(head.method, head.target, (*kept, *theirs), original.version)
