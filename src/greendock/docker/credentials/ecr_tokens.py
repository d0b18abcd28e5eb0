"""Passwords of private ECR registries: one request per account and region, kept until they expire.

Callers that want the same one at the same time share one request. A password is kept in memory
only. Where passwords come from is the port's affair; which registry gets one is credentials.py's.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from greendock.base.clock import Clock
from greendock.base.errors import GreendockError
from greendock.docker.errors import EcrCredentialsFailed
from greendock.docker.ports import EcrTokens

_LONGEST_LIFE_S = 12 * 3600.0
"""What ECR gives; a longer one means that this device's clock is wrong."""
_EARLY_PART = 0.1
_MOST_EARLY_S = 15 * 60.0
_TELLING_CODES = frozenset({"GET_ECR_CREDENTIAL_ERROR", "NETWORK_ERROR"})


@dataclass(frozen=True, slots=True)
class EcrRegistry:
    """`host` in lower case and without port: it tells partition, FIPS and dual-stack."""

    account: str
    region: str
    host: str


@dataclass(frozen=True, slots=True)
class EcrPassword:
    """`expires_at`: seconds since the epoch, by the wall clock."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    expires_at: float


@dataclass(frozen=True, slots=True)
class _Kept:
    """Good while both clocks say so: the one can be set, the other stands still in sleep."""

    password: EcrPassword
    until_wall_s: float
    until_monotonic_s: float


@dataclass(slots=True)
class _Flight:
    """A request under way and how many wait for it."""

    task: asyncio.Task[EcrPassword]
    waiters: int = 0


class EcrPasswords:
    """Belongs to one event loop."""

    def __init__(self, tokens: EcrTokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock
        self._kept: dict[EcrRegistry, _Kept] = {}
        self._flights: dict[EcrRegistry, _Flight] = {}
        self._ending: set[asyncio.Task[EcrPassword]] = set()

    async def password(self, registry: EcrRegistry) -> EcrPassword:
        """The password kept, or a new one. Raises EcrCredentialsFailed."""
        kept = self._kept.get(registry)
        if kept is not None and self._is_good(kept):
            return kept.password
        try:
            return await self._joined(registry)
        except GreendockError as error:
            raise _failure(registry, error) from error

    def forget(self, password: str) -> None:
        """A registry refused it: the next caller gets a new one."""
        self._kept = {k: v for k, v in self._kept.items() if v.password.password != password}

    async def _joined(self, registry: EcrRegistry) -> EcrPassword:
        """The outcome of the request under way, or of a new one; it ends with its last waiter."""
        flight = self._flights.get(registry)
        if flight is None:
            flight = _Flight(asyncio.create_task(self._fetch(registry)))
            self._flights[registry] = flight
            flight.task.add_done_callback(lambda _task: self._land(registry, flight))
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.task.done():
                self._land(registry, flight)
                self._end(flight.task)

    async def _fetch(self, registry: EcrRegistry) -> EcrPassword:
        given = await self._tokens.authorization(registry.account, registry.region, registry.host)
        if not given.password:
            raise EcrCredentialsFailed("the answer holds no password")
        password = EcrPassword(given.username, given.password, given.expires_at)
        life_s = min(password.expires_at - self._clock.now(), _LONGEST_LIFE_S)
        good_s = life_s - min(life_s * _EARLY_PART, _MOST_EARLY_S)
        if good_s > 0:
            self._kept[registry] = _Kept(
                password, self._clock.now() + good_s, self._clock.monotonic() + good_s
            )
        return password

    def _is_good(self, kept: _Kept) -> bool:
        return (
            self._clock.now() < kept.until_wall_s
            and self._clock.monotonic() < kept.until_monotonic_s
        )

    def _land(self, registry: EcrRegistry, flight: _Flight) -> None:
        if self._flights.get(registry) is flight:
            del self._flights[registry]

    def _end(self, task: asyncio.Task[EcrPassword]) -> None:
        """Cancel a request that nobody waits for; what it says in the end is nobody's concern."""

        def ended(done: asyncio.Task[EcrPassword]) -> None:
            self._ending.discard(done)
            if not done.cancelled():
                done.exception()

        self._ending.add(task)
        task.add_done_callback(ended)
        task.cancel()


def _failure(registry: EcrRegistry, error: GreendockError) -> EcrCredentialsFailed:
    """A new error for each waiter: they add to its traceback."""
    failed = EcrCredentialsFailed(
        f"cannot get a password for {registry.host}: {error.message}",
        hint=error.hint,
        retry=error.retry,
        retry_after_s=getattr(error, "retry_after_s", None),
    )
    if _TELLING_CODES & set(error.codes):
        failed.codes = error.codes
    return failed
