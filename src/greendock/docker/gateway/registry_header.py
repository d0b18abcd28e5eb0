"""Whether a client sends credentials for a registry along; pure.

Clients without a login send an empty object all the same. The engine matches member names without
regard to case, and takes what it can't read for nothing. Called for pulls.
"""

from __future__ import annotations

import base64
import binascii
import json

from greendock.docker.gateway.exchange import Headers
from greendock.docker.gateway.json_body import fold

NAME = "X-Registry-Auth"
_SECRETS = frozenset({"password", "auth", "identitytoken", "registrytoken"})


def brings_credentials(headers: Headers) -> bool:
    """The engine looks at the first header of the name."""
    value = next((text for name, text in headers if name.lower() == NAME.lower()), "")
    try:
        members = json.loads(base64.b64decode(value, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return False
    if not isinstance(members, dict):
        return False
    return any(fold(name) in _SECRETS and bool(text) for name, text in members.items())


def with_credentials(headers: Headers, value: str) -> Headers:
    others = tuple(pair for pair in headers if pair[0].lower() != NAME.lower())
    return (*others, (NAME, value))
