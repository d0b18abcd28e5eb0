"""IPC tokens: one per component generation (SVCUID), one per command-line principal.

Keeps hashes only; a token is known to who received it and to nobody else. Says whom a token stands
for, never what that one may do (authorization.py). A component's token is live while its scripts
run; when they are over and nobody asked for that, it is *left*: valid as long as a container holds
it, over restarts of the core too. The daemon says when (identities.py, token_watch.py).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from greendock.ipc.authorization import CLIENT_PREFIX

_TOKEN_BYTES = 16
LEFT_PER_COMPONENT = 16
"""More containers of one component that outlive their scripts lose the oldest tokens."""


@dataclass(frozen=True, slots=True)
class Credential:
    """Who a connection is. `digest` is the SHA-256 of the token; `generation` is None for
    clients, and counts anew in each life of the core."""

    principal: str
    generation: int | None
    digest: bytes


class Record(Protocol):
    """Hashes of components' tokens on disk; called on the core's event loop, never raises."""

    def keep(self, credential: Credential, version: str) -> None: ...

    def forget(self, digests: Iterable[bytes]) -> None: ...

    def load(self) -> Iterable[tuple[Credential, str]]:
        """All that is kept with the component's version, the oldest first."""


class Tokens:
    """All valid tokens of a core. Those of clients may be issued and revoked from any thread:
    each change is one operation on the dictionary. All else happens on the core's event loop."""

    def __init__(self, record: Record | None = None) -> None:
        self._credentials: dict[bytes, Credential] = {}
        self._left: dict[bytes, None] = {}
        self._record = record
        self._listeners: list[Callable[[Credential], None]] = []

    # -- components

    def load(self, deployed: Mapping[str, str]) -> None:
        """Take over what an earlier life of the core recorded, as left; once, at the start.

        `deployed`: versions by name. Tokens of other components and versions are forgotten.
        """
        if self._record is None:
            return
        kept: dict[str, list[Credential]] = {}
        stale: list[bytes] = []
        for credential, version in self._record.load():
            if deployed.get(credential.principal) == version:
                kept.setdefault(credential.principal, []).append(credential)
            else:
                stale.append(credential.digest)
        for credentials in kept.values():
            stale += [credential.digest for credential in credentials[:-LEFT_PER_COMPONENT]]
            for credential in credentials[-LEFT_PER_COMPONENT:]:
                self._credentials[credential.digest] = credential
                self._left[credential.digest] = None
        if stale:
            self._record.forget(stale)

    def issue(self, component: str, generation: int, version: str = "") -> str:
        """A new token for one generation of a component: 32 upper-case hexadecimal digits.

        Earlier tokens of the generation stay valid until it is revoked.
        """
        if component.startswith(CLIENT_PREFIX):
            raise ValueError(f"{component!r} is not a component name")
        token, credential = _new(component, generation)
        if self._record is not None:
            self._record.keep(credential, version)
        self._credentials[credential.digest] = credential
        return token

    def revoke(self, component: str, generation: int) -> None:
        """The live tokens of that generation open nothing from now on; its connections end."""
        self._drop(self._live(component, generation))

    def leave(self, component: str, generation: int) -> None:
        """The generation's scripts are over; its tokens are valid while a container holds them."""
        for credential in self._live(component, generation):
            self._left[credential.digest] = None
        surplus = [c for c in self.left if c.principal == component][:-LEFT_PER_COMPONENT]
        self._drop(surplus)

    @property
    def left(self) -> list[Credential]:
        """Those that only a container can hold, the oldest first."""
        return [self._credentials[digest] for digest in self._left]

    def revoke_left(self, credentials: Iterable[Credential]) -> None:
        """Take these back, where they are still left."""
        self._drop([credential for credential in credentials if credential.digest in self._left])

    def keep_record(self) -> None:
        """From now on the record stays as it is: the core ends, but containers may live on."""
        self._record = None

    # -- clients

    def issue_client(self, name: str) -> str:
        """A new token for a command-line principal; `name` is such as `user-1000`."""
        token, credential = _new(f"{CLIENT_PREFIX}{name}", None)
        self._credentials[credential.digest] = credential
        return token

    def revoke_clients(self) -> None:
        """Take back all command-line tokens."""
        for credential in tuple(self._credentials.values()):
            if credential.generation is None:
                self._forget(credential)

    # -- everybody

    def authenticate(self, token: str) -> Credential | None:
        """Whom `token` stands for.

        Found by its SHA-256, so this costs the same with hundreds of tokens. How long the look-up
        takes could only tell something of stored hashes, and nobody can choose a token for a hash.
        """
        digest = digest_of(token)
        found = self._credentials.get(digest)
        return found if found and hmac.compare_digest(found.digest, digest) else None

    def on_revoked(self, listener: Callable[[Credential], None]) -> None:
        """Call `listener` for each credential that is taken back, in the revoking thread."""
        self._listeners.append(listener)

    def _live(self, component: str, generation: int) -> list[Credential]:
        return [
            credential
            for credential in tuple(self._credentials.values())
            if (credential.principal, credential.generation) == (component, generation)
            and credential.digest not in self._left
        ]

    def _drop(self, credentials: list[Credential]) -> None:
        """Take components' tokens back. First here, since the disk may take its time."""
        for credential in credentials:
            self._left.pop(credential.digest, None)
            self._forget(credential)
        if credentials and self._record is not None:
            self._record.forget([credential.digest for credential in credentials])

    def _forget(self, credential: Credential) -> None:
        self._credentials.pop(credential.digest, None)
        for listener in self._listeners:
            listener(credential)


def digest_of(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _new(principal: str, generation: int | None) -> tuple[str, Credential]:
    token = secrets.token_hex(_TOKEN_BYTES).upper()
    return token, Credential(principal, generation, digest_of(token))
