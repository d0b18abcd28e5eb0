"""Passwords for a console, made on request and valid for some hours.

Keeps hashes only, in memory; a password is known to who received it and to nobody else. The
command line's service makes them (`CreateDebugPassword`); a console asks `is_valid`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from greendock.base.clock import Clock

USER = "debug"
LIFETIME_S = 8 * 3600.0
MOST = 100
_RANDOM_BYTES = 32


@dataclass(frozen=True, slots=True, repr=False)
class DebugPassword:
    """`expires_at` is seconds since the epoch."""

    user: str
    password: str
    expires_at: float


class DebugPasswords:
    """All that are valid. Their age is measured on the clock that never jumps."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends: dict[bytes, float] = {}

    def create(self) -> DebugPassword:
        """A new one; the oldest goes when there are too many."""
        self._drop_expired()
        while len(self._ends) >= MOST:
            del self._ends[next(iter(self._ends))]
        password = secrets.token_urlsafe(_RANDOM_BYTES)
        self._ends[_digest(USER, password)] = self._clock.monotonic() + LIFETIME_S
        return DebugPassword(USER, password, self._clock.now() + LIFETIME_S)

    def is_valid(self, user: str, password: str) -> bool:
        """Takes the same time however much of them is right."""
        self._drop_expired()
        digest = _digest(user, password)
        return sum(hmac.compare_digest(digest, known) for known in self._ends) > 0

    def _drop_expired(self) -> None:
        now = self._clock.monotonic()
        self._ends = {digest: end for digest, end in self._ends.items() if end > now}


def _digest(user: str, password: str) -> bytes:
    # 256 random bits need no slow hash.
    return hashlib.sha256(f"{user}\0{password}".encode("utf-8", "surrogatepass")).digest()
