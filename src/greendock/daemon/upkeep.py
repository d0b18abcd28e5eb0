"""Keeps the disk of images below its watermark while the core runs: looks every few minutes."""

from __future__ import annotations

import asyncio
import logging

from greendock.base.clock import Clock
from greendock.base.errors import GreendockError
from greendock.daemon.docker_work import DockerWork

_log = logging.getLogger("greendock")
_EVERY_S = 600.0


class Upkeep:
    """`start` it with the core, `stop` it at the end."""

    def __init__(self, docker: DockerWork, clock: Clock) -> None:
        self._docker = docker
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="upkeep")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=10)

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(_EVERY_S)
            try:
                await self._docker.keep_below_watermark()
            except GreendockError as error:
                _log.debug("the disk of images could not be looked at: %s", error.explain())
            except Exception:
                _log.exception("the upkeep of images failed in a way that nobody foresaw")
