"""What the gateway's transport and its rules tell each other about one request.

Pure data and two small ports. The transport (connection.py) reads requests, asks the rules and
forwards; it knows nothing of Docker. The rules know the engine's API and never touch a socket.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

Headers = tuple[tuple[str, str], ...]
"""Names and values as they were sent (latin-1), in order, repeated ones included."""


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The first line and the headers. `target` is the path with its query, as it was sent."""

    method: str
    target: str
    headers: Headers = field(repr=False)
    version: str = "HTTP/1.1"


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """Of the engine's final answer (not of `100 Continue`)."""

    status: int
    reason: str
    headers: Headers = field(repr=False)


class Heed(Protocol):
    """Who looks at the answer while it passes. Must not block; what it raises is logged."""

    def begins(self, head: AnswerHead) -> None: ...

    def passes(self, piece: bytes) -> None:
        """A part of the body, transfer encoding taken off; not called for hijacked connections."""

    async def ended(self) -> None:
        """The answer is complete, or broken off. The next request waits for this."""


@dataclass(frozen=True, slots=True)
class Forward:
    """Send it on. `body` replaces what the client sends (Content-Length is set from it); None
    lets the client's body pass as it comes."""

    head: RequestHead
    body: bytes | None = field(default=None, repr=False)
    heed: Heed | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer it here, as the engine answers errors: `{"message": …}`."""

    status: int
    message: str


Verdict = Forward | Refuse


class Rules(Protocol):
    """Decides about the requests of one component."""

    def needs_body(self, head: RequestHead) -> int | None:
        """How many bytes of the body to collect at most before `judge` (a longer one is refused
        with 413); None when it is judged without its body."""

    async def judge(self, head: RequestHead, body: bytes | None) -> Verdict:
        """What to do with it. An error that it raises is logged and becomes a 500 for the client:
        nothing is forwarded then."""
