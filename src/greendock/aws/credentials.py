"""AWS credentials as data, who gives them, and how they are read from JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class AwsCredentials:
    """`expires_at`: seconds since the epoch, None for keys that don't expire. Nothing of it may be
    shown or stored; the id alone is no secret."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None


class CredentialSource(Protocol):
    """Gives credentials, each time anew. Raises GreendockError."""

    async def credentials(self) -> AwsCredentials: ...


@dataclass(frozen=True, slots=True)
class MemberNames:
    """How a JSON object calls its members."""

    key_id: str
    secret: str
    token: str
    expiration: str


CONTAINER_NAMES = MemberNames("AccessKeyId", "SecretAccessKey", "Token", "Expiration")
"""Those of AWS's container credentials, which Greengrass's token exchange service gives too."""

IOT_NAMES = MemberNames("accessKeyId", "secretAccessKey", "sessionToken", "expiration")


def read_json(text: bytes) -> Any:
    """ValueError without anything of `text` in it."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None


def read_credentials(members: Any, names: MemberNames) -> AwsCredentials:
    """From what JSON became. Raises ValueError, without anything of its content in the text."""
    if not isinstance(members, dict):
        raise ValueError(f"it is no JSON object with {names.key_id} and {names.secret}")
    token = members.get(names.token)
    expiration = members.get(names.expiration)
    return AwsCredentials(
        _word(members.get(names.key_id), names.key_id),
        _word(members.get(names.secret), names.secret),
        _word(token, names.token) if token is not None else None,
        _instant(expiration, names.expiration) if expiration is not None else None,
    )


def _word(value: object, name: str) -> str:
    """Text that can stand in a header."""
    if isinstance(value, str) and value and value.isascii() and value.isprintable():
        return value
    raise ValueError(f"its {name} is missing or no key")


def _instant(value: object, name: str) -> float:
    """An ISO 8601 time as seconds since the epoch."""
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(f"its {name} is no time") from None
    if moment.tzinfo is None:
        raise ValueError(f"the time of its {name} has no zone")
    return moment.timestamp()
