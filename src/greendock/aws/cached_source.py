"""Keeps credentials until they are nearly over, and asks once for all who want them at a time.

New ones are got a quarter of an hour before the old ones end, short-lived ones at half of their
time; while that fails the old ones serve until their very end. Keys without an end are looked at
again now and then, since somebody may have replaced them. A failure is kept for a few seconds
only, so that many callers don't ask a source that is down at once, and nobody waits long when it
is back.
"""

from __future__ import annotations

import asyncio

from greendock.aws.credentials import AwsCredentials, CredentialSource
from greendock.base.clock import Clock
from greendock.base.errors import GreendockError

_EARLY_S = 900.0
_UNENDING_S = 60.0
_FAILURE_S = 5.0
_LONGEST_FAILURE_S = 15.0


class CachedSource:
    """In front of `source`. Belongs to one event loop."""

    def __init__(self, source: CredentialSource, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._known: AwsCredentials | None = None
        self._renew_at = 0.0
        self._failure: GreendockError | None = None
        self._failed_at = 0.0
        self._failures = 0
        self._asking: asyncio.Task[AwsCredentials] | None = None

    async def credentials(self) -> AwsCredentials:
        """Valid credentials. Raises what the source raises."""
        known = self._known
        if known is not None and self._clock.now() < self._renew_at:
            return known
        if self._failure is not None and self._is_fresh_failure():
            if known is not None and self._left_s(known) > 0:
                return known
            # One exception for many: without the trace of the caller before.
            raise self._failure.with_traceback(None)
        try:
            return await self._ask()
        except GreendockError:
            if known is not None and self._left_s(known) > 0:
                return known
            raise

    def renew(self, refused: AwsCredentials | None = None) -> None:
        """Ask anew the next time, unless somebody already got others than those `refused`."""
        if refused is None or refused == self._known:
            self._known = None
            self._failure = None

    async def _ask(self) -> AwsCredentials:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._fetch(), name="aws credentials")
            self._asking.add_done_callback(_taken)
        # One caller that is cancelled must not take the answer from the others.
        return await asyncio.shield(self._asking)

    async def _fetch(self) -> AwsCredentials:
        try:
            self._known = await self._source.credentials()
        except GreendockError as error:
            self._failure, self._failed_at = error, self._clock.monotonic()
            self._failures += 1
            raise
        self._failure, self._failures = None, 0
        self._renew_at = self._clock.now() + self._kept_s(self._known)
        return self._known

    def _is_fresh_failure(self) -> bool:
        kept_s = min(_FAILURE_S * self._failures, _LONGEST_FAILURE_S)
        return self._clock.monotonic() - self._failed_at < kept_s

    def _kept_s(self, credentials: AwsCredentials) -> float:
        if credentials.expires_at is None:
            return _UNENDING_S
        left_s = self._left_s(credentials)
        return max(left_s - _EARLY_S, left_s / 2)

    def _left_s(self, credentials: AwsCredentials) -> float:
        if credentials.expires_at is None:
            return float("inf")
        return credentials.expires_at - self._clock.now()


def _taken(task: asyncio.Task[AwsCredentials]) -> None:
    """Nobody may be left to hear of a failure."""
    if not task.cancelled():
        task.exception()
