"""The containers that run on the engine: list them with what tells whose they are, pause them.

Typed results over the engine client; decides nothing. Whose a container is, is said elsewhere.
Called by the pausing of components and by whoever has to know which container asks.
"""

from __future__ import annotations

import asyncio
import json
from urllib.parse import quote

from greendock.docker.engine.client import Engine
from greendock.docker.engine.container_model import (
    ContainerInfo,
    read_container,
    read_container_ids,
)
from greendock.docker.errors import ContainerFailed

_LOOKS_AT_ONCE = 8
_DONE = 204


class ContainerStore:
    """The containers of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._places = asyncio.Semaphore(_LOOKS_AT_ONCE)

    async def running(self, *, also_restarting: bool = False) -> list[ContainerInfo]:
        """Containers that run or are paused. What ends while it asks is left out.

        `also_restarting`: those too that have ended and that the engine is going to start again
        by their restart policy. Raises ContainerFailed, EngineUnavailable and its like.
        """
        # Old engines don't tell the state in the list, and Podman leaves paused ones out of it.
        wanted = ["running", "paused"]
        await self._engine.api_version()
        if also_restarting and not self._engine.is_podman:  # which knows no such state
            wanted.append("restarting")
        params = {"all": "1", "filters": json.dumps({"status": wanted})}
        answer = await self._engine.ask("GET", "/containers/json", params=params)
        if answer.status != 200:
            raise self._engine.failure("cannot list the containers", answer, ContainerFailed)
        # Not a TaskGroup: the caller gets the error itself, not a group of it.
        looks = [asyncio.create_task(self.find(i)) for i in read_container_ids(answer.body)]
        try:
            found = await asyncio.gather(*looks)
        finally:
            for look in looks:
                look.cancel()
        return [info for info in found if info is not None and info.is_running]

    async def find(self, container_id: str) -> ContainerInfo | None:
        """The container of this id or name, whatever its state; None when there is none."""
        async with self._places:
            answer = await self._engine.ask("GET", f"/containers/{_quoted(container_id)}/json")
        if answer.status == 404:
            return None
        if answer.status != 200:
            prefix = f"cannot look up container {container_id[:12]}"
            raise self._engine.failure(prefix, answer, ContainerFailed)
        return read_container(answer.body)

    async def pause(self, container_id: str) -> bool:
        """Have it stand still; False when it doesn't run (any more). Raises ContainerFailed."""
        return await self._change(container_id, "pause", is_paused=True)

    async def unpause(self, container_id: str) -> bool:
        """Have it go on; False when it doesn't run (any more). Raises ContainerFailed."""
        return await self._change(container_id, "unpause", is_paused=False)

    async def _change(self, container_id: str, verb: str, *, is_paused: bool) -> bool:
        answer = await self._engine.ask("POST", f"/containers/{_quoted(container_id)}/{verb}")
        if answer.status == _DONE:
            return True
        if answer.status == 404:
            return False
        # "Is paused already" has another status in each engine: what is true now tells.
        now = await self.find(container_id)
        if now is None or not now.is_running:
            return False
        if now.is_paused is is_paused:
            return True
        prefix = f"cannot {verb} container {container_id[:12]}"
        raise self._engine.failure(prefix, answer, ContainerFailed)


def _quoted(container_id: str) -> str:
    return quote(container_id, safe="")
