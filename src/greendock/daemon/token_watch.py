"""Takes tokens back that were left to containers, once no running container holds them.

A container holds a token that its environment has under one of the two names by which components
get it. A token whose holder has ended has until the next look: `docker restart` ends a container
for a moment. Asks the engine only while there are such tokens. While it can't be asked they stay
valid, but no longer than `UNASKED_LIMIT_S` in a row: whoever held one may be gone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from greendock.base.clock import Clock
from greendock.base.errors import GreendockError
from greendock.docker.engine.container_model import ContainerInfo
from greendock.ipc.tokens import Credential, Tokens, digest_of

_log = logging.getLogger("greendock")

EVERY_S = 5.0
UNASKED_LIMIT_S = 3600.0
TOKEN_VARIABLES = ("SVCUID", "AWS_CONTAINER_AUTHORIZATION_TOKEN")


class Containers(Protocol):
    """The running containers of the engine; raises GreendockError when it can't be asked."""

    async def running(self, *, also_restarting: bool) -> list[ContainerInfo]: ...

    async def find(self, container_id: str) -> ContainerInfo | None: ...


class TokenWatch:
    """`start` it once the core listens, `stop` it at the end. `containers` is called for each
    look: it raises GreendockError where there is no engine."""

    def __init__(self, tokens: Tokens, containers: Callable[[], Containers], clock: Clock) -> None:
        self._tokens = tokens
        self._containers = containers
        self._clock = clock
        self._holders: dict[bytes, str] = {}
        self._between: set[bytes] = set()
        self._asked_at = clock.monotonic()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._asked_at = self._clock.monotonic()
        self._task = asyncio.create_task(self._run(), name="tokens of containers")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=10)

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                _log.exception("the look after tokens of containers failed")
            await self._clock.sleep(EVERY_S)

    async def look(self) -> None:
        """Once: take back what nobody holds."""
        left = self._tokens.left
        now = self._clock.monotonic()
        if not left:
            self._holders.clear()
            self._between.clear()
            self._asked_at = now
            return
        try:
            held = await self._held(left)
        except GreendockError as error:
            if now - self._asked_at <= UNASKED_LIMIT_S:
                _log.debug("whether containers hold tokens is not known: %s", error)
                return
            _log.warning(
                "the engine could not be asked for an hour: containers that outlived their "
                "scripts lose their IPC tokens: %s",
                error,
            )
            held = self._between = set()
        else:
            self._asked_at = self._clock.monotonic()
        self._tokens.revoke_left([one for one in left if one.digest not in held | self._between])

    async def _held(self, left: list[Credential]) -> set[bytes]:
        """The digests that running containers hold. Known holders are asked for alone, which is
        all there is to do on most looks."""
        containers = self._containers()
        known = set(self._holders.values())
        infos = [info for one in known if (info := await containers.find(one)) is not None]
        found = _holders(infos)
        if any(one.digest not in found for one in left):
            # A program that ends when the core does is between two tries when the core is back.
            found |= _holders(await containers.running(also_restarting=True))
        wanted = {one.digest for one in left}
        self._between = self._holders.keys() - found.keys()
        self._holders = {key: who for key, who in found.items() if key in wanted}
        return set(self._holders)


def _holders(infos: list[ContainerInfo]) -> dict[bytes, str]:
    """Who holds which token, by its digest."""
    return {
        digest: info.id
        for info in infos
        if info.is_running
        for digest in _digests(info.environment)
    }


def _digests(environment: Mapping[str, str]) -> set[bytes]:
    return {digest_of(environment[name]) for name in TOKEN_VARIABLES if name in environment}
