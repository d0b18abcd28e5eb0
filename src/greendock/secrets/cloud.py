"""Secrets of AWS Secrets Manager: those that the configuration names, kept in memory only.

A value that is known serves for some minutes, and longer while AWS can't be asked; a request with
`refresh` asks first. What AWS no longer gives is forgotten. Called by the secret service.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from greendock.base.clock import Clock
from greendock.config.secret_settings import CloudSecret
from greendock.secrets.identity import meant, name_in
from greendock.secrets.model import (
    CURRENT,
    NoSuchSecret,
    Secret,
    SecretRequest,
    SecretUnavailable,
)
from greendock.secrets.ports import SecretApi

KEPT_S = 300.0
AGAIN_S = 30.0
"""While AWS can't be asked nobody waits for that more often: each time may take many seconds."""

_log = logging.getLogger("greendock.secrets")


@dataclass(frozen=True, slots=True)
class _Known:
    """`good_until_s`: nobody asks before that."""

    secret: Secret
    good_until_s: float


class CloudSecrets:
    """Fills SecretSource. `configured` is asked at each call; a secret that is no longer
    configured is neither given nor kept."""

    def __init__(
        self, configured: Callable[[], Sequence[CloudSecret]], api: SecretApi, clock: Clock
    ) -> None:
        self._configured = configured
        self._api = api
        self._clock = clock
        self._known: dict[tuple[str, str | None, str | None], _Known] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def arn_of(self, secret_id: str) -> str | None:
        return meant(secret_id, {name_in(one.arn): one.arn for one in self._configured()})

    async def secret(self, arn: str, request: SecretRequest) -> Secret:
        stages = self._stages_of(arn)
        stage = request.stage or (None if request.version_id else CURRENT)
        if stage is not None and stage not in stages:
            raise _no_version(request)
        # One at a time for each secret: who waited finds what the one before has got.
        async with self._turns[arn]:
            secret = await self._current(arn, request, stage)
        if stages.isdisjoint(secret.stages):
            raise _no_version(request)
        return secret

    def _stages_of(self, arn: str) -> set[str]:
        configured = {one.arn: one for one in self._configured()}
        for key in [key for key in self._known if key[0] not in configured]:
            del self._known[key]
        found = configured.get(arn)
        return {CURRENT, *found.labels} if found is not None else set()

    async def _current(self, arn: str, request: SecretRequest, stage: str | None) -> Secret:
        key = (arn, request.version_id, stage)
        known = self._known.get(key)
        now_s = self._clock.monotonic()
        if known is not None and not request.refresh and now_s < known.good_until_s:
            return known.secret
        try:
            secret = await self._api.fetch(arn, request.version_id, stage)
        except SecretUnavailable as error:
            if known is None or not error.may_pass:
                self._known.pop(key, None)
                raise
            _log.warning("%s; the value of before is given", error.explain())
            self._known[key] = _Known(known.secret, self._clock.monotonic() + AGAIN_S)
            return known.secret
        except NoSuchSecret:
            self._known.pop(key, None)
            raise
        self._known[key] = _Known(secret, now_s + KEPT_S)
        return secret


def _no_version(request: SecretRequest) -> NoSuchSecret:
    return NoSuchSecret(f"cannot find secret {request.secret_id}: not in that version")
