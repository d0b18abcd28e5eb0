"""What is sent on for one request, while rules complete it; pure data."""

from __future__ import annotations

from dataclasses import dataclass, field

from greendock.docker.gateway.exchange import Headers, Heed
from greendock.docker.gateway.target import Target


@dataclass(frozen=True, slots=True)
class Sending:
    """`body` None: the client's, as it comes."""

    target: Target
    headers: Headers = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    heed: Heed | None = None


_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def without_forms(headers: Headers) -> Headers:
    """The engine takes the values of a form in the body for those of the query, and before them.
    Without its type a body is no form."""
    return tuple(
        (name, value)
        for name, value in headers
        if not (name.lower() == "content-type" and value.strip().lower().startswith(_FORMS))
    )


def without_upgrade(headers: Headers) -> Headers:
    """An engine may speak HTTP/2 to who asks for it: then the rules would see no further call."""
    kept = []
    for name, value in headers:
        if name.lower() in ("upgrade", "http2-settings"):
            continue
        if name.lower() == "connection":
            tokens = [token.strip() for token in value.split(",")]
            tokens = [t for t in tokens if t and t.lower() not in ("upgrade", "http2-settings")]
            if not tokens:
                continue
            value = ", ".join(tokens)
        kept.append((name, value))
    return tuple(kept)


def is_stream_upgrade(headers: Headers) -> bool:
    """Whether what is asked for is the engine's own stream, and no other protocol."""
    wanted = [value.strip().lower() for name, value in headers if name.lower() == "upgrade"]
    return all(value in ("tcp", "websocket") for value in wanted)
