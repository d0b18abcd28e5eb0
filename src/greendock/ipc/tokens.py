"""IPC tokens: one per component generation (SVCUID), one per command-line principal.

Keeps hashes only; a token is known to who received it and to nobody else. Says whom a token
stands for, never what that one may do (authorization.py). Given to the lifecycle as its
`Identities` and to the server for its handshakes.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from greendock.ipc.authorization import CLIENT_PREFIX

_TOKEN_BYTES = 16


@dataclass(frozen=True, slots=True)
class Credential:
    """Who a connection is. `digest` is the SHA-256 of the token; `generation` is None for
    clients."""

    principal: str
    generation: int | None
    digest: bytes


class Tokens:
    """All valid tokens of a core, in memory. May be called from any thread: each change is one
    operation on the dictionary."""

    def __init__(self) -> None:
        self._credentials: dict[bytes, Credential] = {}
        self._listeners: list[Callable[[Credential], None]] = []

    def issue(self, component: str, generation: int) -> str:
        """A new token for one generation of a component: 32 upper-case hexadecimal digits.

        Earlier tokens of the generation stay valid until it is revoked.
        """
        if component.startswith(CLIENT_PREFIX):
            raise ValueError(f"{component!r} is not a component name")
        return self._add(component, generation)

    def issue_client(self, name: str) -> str:
        """A new token for a command-line principal; `name` is such as `user-1000`."""
        return self._add(f"{CLIENT_PREFIX}{name}", None)

    def revoke(self, component: str, generation: int) -> None:
        """The tokens of that generation open nothing from now on; its connections end."""
        for credential in tuple(self._credentials.values()):
            if (credential.principal, credential.generation) == (component, generation):
                self._drop(credential)

    def revoke_clients(self) -> None:
        """Take back all command-line tokens."""
        for credential in tuple(self._credentials.values()):
            if credential.generation is None:
                self._drop(credential)

    def authenticate(self, token: str) -> Credential | None:
        """Whom `token` stands for; takes the same time however much of it is right."""
        digest = _digest(token)
        found: Credential | None = None
        for credential in tuple(self._credentials.values()):
            if hmac.compare_digest(credential.digest, digest):
                found = credential
        return found

    def on_revoked(self, listener: Callable[[Credential], None]) -> None:
        """Call `listener` for each credential that is taken back, in the revoking thread."""
        self._listeners.append(listener)

    def _add(self, principal: str, generation: int | None) -> str:
        token = secrets.token_hex(_TOKEN_BYTES).upper()
        digest = _digest(token)
        self._credentials[digest] = Credential(principal, generation, digest)
        return token

    def _drop(self, credential: Credential) -> None:
        self._credentials.pop(credential.digest, None)
        for listener in self._listeners:
            listener(credential)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
