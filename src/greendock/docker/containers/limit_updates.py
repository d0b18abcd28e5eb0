"""Changes the limits of containers that run, one by one, and asks what they use.

Only for containers that have their limits by themselves: a control group's are the core's to
write. What to change says limits.py. Called when a component's limits change and for metrics.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from urllib.parse import quote

import msgspec

from greendock.base.errors import GreendockError
from greendock.docker.containers.limits import (
    AskedLimits,
    LimitRule,
    members_for_change,
    read_asked,
)
from greendock.docker.engine.client import Engine
from greendock.docker.engine.container_stats import ContainerUsage, read_container_stats
from greendock.docker.engine.model import EngineInfo
from greendock.docker.errors import ContainerFailed

_AT_ONCE = 8
_STATS_TIMEOUT_S = 10.0


class _Inspected(msgspec.Struct):
    host_config: dict[str, object] | None = msgspec.field(name="HostConfig", default=None)


class ContainerLimits:
    """On one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def change(
        self, container_ids: Iterable[str], old: LimitRule, new: LimitRule, info: EngineInfo
    ) -> str | None:
        """Have `new` hold for containers that were started under `old`; what went wrong.

        A container that ends meanwhile is no failure.
        """
        work = (self._change_one(one, old, new, info) for one in container_ids)
        results = await asyncio.gather(*work, return_exceptions=True)
        texts: list[str] = []
        for result in results:
            if isinstance(result, GreendockError):
                texts.append(result.message)
            elif isinstance(result, BaseException):
                raise result
        return "; ".join(texts) or None

    async def usage(self, container_ids: Iterable[str]) -> dict[str, ContainerUsage]:
        """By id, those that run. Raises DockerError when the engine can't be asked."""
        ids = tuple(container_ids)
        found = await asyncio.gather(*(self._usage_one(one) for one in ids))
        return {one: used for one, used in zip(ids, found, strict=True) if used is not None}

    async def _change_one(
        self, container_id: str, old: LimitRule, new: LimitRule, info: EngineInfo
    ) -> None:
        now = await self._limits_of(container_id)
        members = members_for_change(old, new, now, info) if now is not None else {}
        if not members:
            return
        body = msgspec.json.encode(members)
        async with self._places:
            answer = await self._engine.ask(
                "POST", f"/containers/{_quoted(container_id)}/update", json_body=body
            )
        if answer.status not in (200, 404):
            prefix = f"cannot change the limits of container {container_id[:12]}"
            raise self._engine.failure(prefix, answer, ContainerFailed)

    async def _limits_of(self, container_id: str) -> AskedLimits | None:
        async with self._places:
            answer = await self._engine.ask("GET", f"/containers/{_quoted(container_id)}/json")
        if answer.status == 404:
            return None
        if answer.status != 200:
            prefix = f"cannot look up container {container_id[:12]}"
            raise self._engine.failure(prefix, answer, ContainerFailed)
        try:
            wire = msgspec.json.decode(answer.body, type=_Inspected)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Not the decoder's own words: they may quote an environment.
            raise ContainerFailed(
                f"cannot read what the engine says about container {container_id[:12]}"
            ) from None
        return read_asked(wire.host_config or {})

    async def _usage_one(self, container_id: str) -> ContainerUsage | None:
        # Without `one-shot` the engine waits a second for a first measurement.
        params = {"stream": "false", "one-shot": "true"}
        async with self._places:
            answer = await self._engine.ask(
                "GET",
                f"/containers/{_quoted(container_id)}/stats",
                params=params,
                timeout_s=_STATS_TIMEOUT_S,
            )
        if answer.status in (404, 409):  # gone, or Podman's word for one that does not run
            return None
        if answer.status != 200:
            prefix = f"cannot measure container {container_id[:12]}"
            raise self._engine.failure(prefix, answer, ContainerFailed)
        return read_container_stats(answer.body)


def _quoted(container_id: str) -> str:
    return quote(container_id, safe="")
