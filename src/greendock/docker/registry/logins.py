"""What a registry is shown to be let in: bearer tokens and basic logins, while they are valid.

In memory only. Knows how a login becomes a header and how a token server's answer is read; asks
nothing itself. Called by the registry's session.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec

from greendock.docker.engine.model import RegistryAuth

_USUAL_LIFETIME_S = 60.0
_LONGEST_LIFETIME_S = 3600.0
_EARLIER_S = 10.0
_BASIC_LIFETIME_S = 300.0
_VISIBLE = re.compile(r"[!-~]{1,65536}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A value for the header Authorization. `until`: on the clock that never jumps."""

    header: str = field(repr=False)
    until: float


@dataclass(frozen=True, slots=True)
class TicketKey:
    """A ticket is for one base URL, one repository and one login."""

    url: str
    repository: str
    auth: RegistryAuth | None = field(repr=False)


class Tickets:
    """The tickets that are still valid."""

    def __init__(self) -> None:
        self._kept: dict[TicketKey, Ticket] = {}

    def find(self, key: TicketKey, now: float) -> Ticket | None:
        found = self._kept.get(key)
        return found if found is not None and found.until > now else None

    def keep(self, key: TicketKey, ticket: Ticket, now: float) -> None:
        self._kept = {k: v for k, v in self._kept.items() if v.until > now}
        self._kept[key] = ticket

    def drop(self, key: TicketKey) -> None:
        self._kept.pop(key, None)


class _Token(msgspec.Struct):
    token: str | None = None
    access_token: str | None = None
    expires_in: float | None = None


def basic_header(auth: RegistryAuth) -> str:
    login = f"{auth.username}:{auth.password}".encode()
    return f"Basic {base64.b64encode(login).decode()}"


def secrets_of(auth: RegistryAuth) -> tuple[str, ...]:
    """What no text may repeat."""
    found = (auth.password, auth.identity_token, basic_header(auth)[len("Basic ") :])
    return tuple(secret for secret in found if secret)


def basic_ticket(auth: RegistryAuth, now: float) -> Ticket:
    """A basic login is shown at once for a while, instead of after each 401."""
    return Ticket(basic_header(auth), now + _BASIC_LIFETIME_S)


def token_url(realm: str, service: str, repository: str) -> str:
    """Where to get a token that may pull from `repository`. ValueError: the realm is no URL.

    The scope is ours, whatever the registry wishes: more than this image is never asked for.
    """
    parts = urlsplit(realm)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("it names no address of a token server")
    wanted = {"service": service} if service else {}
    query = urlencode({**wanted, "scope": f"repository:{repository}:pull"}, safe=":/")
    whole = "&".join(x for x in (parts.query, query) if x)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, whole, ""))


def refresh_form(service: str, repository: str, identity_token: str) -> bytes:
    """The form that exchanges an identity token (OAuth 2, as `docker login` keeps it for some
    registries) for a token that may pull from `repository`."""
    return urlencode(
        {
            "grant_type": "refresh_token",
            "service": service,
            "client_id": "greendock",
            "scope": f"repository:{repository}:pull",
            "refresh_token": identity_token,
        }
    ).encode()


def read_token(body: bytes, asked_at: float) -> Ticket:
    """The token server's answer. ValueError: it holds no token."""
    try:
        wire = msgspec.json.decode(body, type=_Token)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("it can't be read") from None  # the cause could show the token
    token = wire.token or wire.access_token or ""
    if _VISIBLE.fullmatch(token) is None:
        raise ValueError("it holds no token")
    lifetime_s = wire.expires_in if wire.expires_in and wire.expires_in > 0 else _USUAL_LIFETIME_S
    lifetime_s = min(lifetime_s, _LONGEST_LIFETIME_S)
    return Ticket(f"Bearer {token}", asked_at + lifetime_s - min(_EARLIER_S, lifetime_s / 2))
