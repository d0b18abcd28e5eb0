"""Keeps credentials until they are nearly over, and asks once for all who want them at a time.

New ones are got a quarter of an hour before the old ones end, short-lived ones at half of their
time; while that fails the old ones serve until their very end. Keys without an end are looked at
again now and then, since somebody may have replaced them. A failure stands for a while, so that
many callers don't ask a source that is down at once: for components as failures.py says, for the
core's own work, where somebody waits who may have mended it just now, for seconds only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from greendock.aws.credentials import AwsCredentials, CredentialSource
from greendock.aws.errors import CredentialsExpired
from greendock.aws.failures import FailureKind, brief_s, kind_of, stands_s
from greendock.base.clock import Clock
from greendock.base.errors import GreendockError
from greendock.config.token_exchange import RetrySeconds

_EARLY_S = 900.0
_UNENDING_S = 60.0


@dataclass(frozen=True, slots=True)
class _Failed:
    """`at`: by the monotonic clock. `in_a_row`: failures since the last success."""

    error: GreendockError
    at: float
    in_a_row: int


class CachedSource:
    """In front of `source`. Belongs to one event loop. `retry` is asked at each use."""

    def __init__(
        self,
        source: CredentialSource,
        clock: Clock,
        retry: Callable[[], RetrySeconds] = RetrySeconds,
    ) -> None:
        self._source = source
        self._clock = clock
        self._retry = retry
        self._known: AwsCredentials | None = None
        self._renew_at = 0.0
        self._renew_by = 0.0
        """By the monotonic clock: a time of day that was put back makes nothing last longer."""
        self._failed: _Failed | None = None
        self._asking: asyncio.Task[AwsCredentials] | None = None

    async def credentials(self) -> AwsCredentials:
        """Valid credentials, for the core's own work. Raises what the source raises."""
        return await self._get(lambda failed: brief_s(failed.in_a_row))

    async def for_components(self) -> AwsCredentials:
        """Valid credentials, for components, which may ask often. Raises what the source does."""
        return await self._get(
            lambda failed: stands_s(kind_of(failed.error), failed.in_a_row, self._retry())
        )

    async def _get(self, stands: Callable[[_Failed], float]) -> AwsCredentials:
        known = self._known
        if known is not None and self._is_fresh():
            return known
        failed = self._failed
        if failed is not None and self._clock.monotonic() - failed.at < stands(failed):
            if known is not None and self._left_s(known) > 0:
                return known
            # One exception for many: without the trace of the caller before.
            raise failed.error.with_traceback(None)
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
            self._failed = None

    def network_changed(self) -> None:
        """What could not be reached may be there now: ask anew the next time."""
        failed = self._failed
        if failed is not None and kind_of(failed.error) is FailureKind.UNREACHABLE:
            self._failed = None

    async def _ask(self) -> AwsCredentials:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._fetch(), name="aws credentials")
            self._asking.add_done_callback(_taken)
        # One caller that is cancelled must not take the answer from the others.
        return await asyncio.shield(self._asking)

    async def _fetch(self) -> AwsCredentials:
        try:
            found = await self._source.credentials()
            if self._left_s(found) <= 0:
                raise _over()
        except GreendockError as error:
            before = 0 if self._failed is None else self._failed.in_a_row
            self._failed = _Failed(error, self._clock.monotonic(), before + 1)
            raise
        self._known, self._failed = found, None
        kept_s = self._kept_s(found)
        self._renew_at = self._clock.now() + kept_s
        self._renew_by = self._clock.monotonic() + kept_s
        return found

    def _is_fresh(self) -> bool:
        return self._clock.now() < self._renew_at and self._clock.monotonic() < self._renew_by

    def _kept_s(self, credentials: AwsCredentials) -> float:
        if credentials.expires_at is None:
            return _UNENDING_S
        left_s = self._left_s(credentials)
        return max(left_s - _EARLY_S, left_s / 2)

    def _left_s(self, credentials: AwsCredentials) -> float:
        if credentials.expires_at is None:
            return float("inf")
        return credentials.expires_at - self._clock.now()


def _over() -> CredentialsExpired:
    return CredentialsExpired(
        "cannot get AWS credentials: those that were given are over already",
        codes=("ARTIFACT_DOWNLOAD_ERROR",),
        hint="check this machine's clock",
    )


def _taken(task: asyncio.Task[AwsCredentials]) -> None:
    """Nobody may be left to hear of a failure."""
    if not task.cancelled():
        task.exception()
