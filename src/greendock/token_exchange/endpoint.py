"""Answers one request for credentials: who asks, may it, and what there is.

Knows nothing of connections (listener.py). Neither tokens nor keys reach a log from here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from greendock.base.clock import Clock
from greendock.base.errors import ConfigurationError, GreendockError
from greendock.config.token_exchange import allowed_components
from greendock.token_exchange.access import refusal
from greendock.token_exchange.answers import Answer, failed, granted, refused
from greendock.token_exchange.notes import Notes
from greendock.token_exchange.ports import Caller, Callers, Service, Source

_log = logging.getLogger("greendock.token_exchange")
WAIT_S = 30.0
_FORBIDDEN = Answer(403)


class Endpoint:
    """One per service. Any number of requests at a time."""

    def __init__(
        self,
        callers: Callers,
        source: Source,
        service: Service,
        clock: Clock,
        wait_s: float = WAIT_S,
    ) -> None:
        self._callers = callers
        self._source = source
        self._service = service
        self._clock = clock
        self._wait_s = wait_s
        self._notes = Notes(clock)

    async def answer(
        self, method: str, path: str, authorizations: Sequence[str], peer: str
    ) -> Answer:
        """`path` without the query. `authorizations`: the values of the Authorization header."""
        try:
            wrong = refused(method, path) or self._stranger(authorizations, peer)
            return wrong or await self._credentials()
        except Exception:
            _log.exception("a request for credentials failed in a way that nobody foresaw")
            return Answer(500)

    def _stranger(self, authorizations: Sequence[str], peer: str) -> Answer | None:
        token = authorizations[0] if len(authorizations) == 1 else ""
        caller = self._callers.authenticate(token) if token else None
        if caller is None:
            self._notes.warn(
                f"a request for AWS credentials from {peer} has no valid token: a container that "
                "outlived its component, or not given AWS_CONTAINER_AUTHORIZATION_TOKEN?"
            )
            return _FORBIDDEN
        return self._not_allowed(caller)

    def _not_allowed(self, caller: Caller) -> Answer | None:
        try:
            allowed = allowed_components(self._service.configuration())
        except ConfigurationError as error:
            self._notes.warn(f"{error.explain()}; nobody gets credentials by it")
            allowed = ()
        why = refusal(caller, self._service.dependers(), allowed)
        if why is None:
            return None
        self._notes.warn(why)
        return _FORBIDDEN

    async def _credentials(self) -> Answer:
        try:
            async with asyncio.timeout(self._wait_s):
                found = await self._source.credentials()
        except TimeoutError:
            self._notes.warn(f"AWS credentials were not there within {self._wait_s:g} s")
            return Answer(504)
        except GreendockError as error:
            self._notes.warn(error.explain())
            return failed(error)
        return granted(found, self._clock.now())
