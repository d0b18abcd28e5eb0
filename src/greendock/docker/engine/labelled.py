"""What carries given labels on the engine: containers and networks, listed, stopped, removed.

Typed results over the engine client; decides nothing. A status is never trusted alone: after a
refusal it looks at what is true, since much of this happens by itself meanwhile (`docker run
--rm`). Called by what keeps the containers of components.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from greendock.docker.engine.client import Engine
from greendock.docker.engine.connection import Answer
from greendock.docker.engine.container_detail import ContainerDetail, read_detail, read_listed
from greendock.docker.engine.container_model import decode
from greendock.docker.errors import ContainerFailed, DockerError

_LOOKS_AT_ONCE = 8
_LOOK_TIMEOUT_S = 20.0
_ACTION_TIMEOUT_S = 60.0
_ENDED = frozenset({"created", "exited", "dead", "removing"})


@dataclass(frozen=True, slots=True)
class LabelledNetwork:
    """A network that somebody made."""

    id: str
    name: str
    labels: Mapping[str, str]


class _Network(msgspec.Struct):
    id: str = msgspec.field(name="Id", default="")
    name: str = msgspec.field(name="Name", default="")
    labels: dict[str, str] | None = msgspec.field(name="Labels", default=None)
    containers: dict[str, object] | None = msgspec.field(name="Containers", default=None)


class Labelled:
    """On one engine. Everything raises ContainerFailed, EngineUnavailable and its like."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._places = asyncio.Semaphore(_LOOKS_AT_ONCE)

    # -- containers

    async def containers(self, labels: Mapping[str, str]) -> list[ContainerDetail]:
        """All with these labels, in every state. What goes while it asks is left out."""
        params = {"all": "1", "filters": _filters(labels)}
        answer = await self._ask("GET", "/containers/json", params)
        if answer.status != 200:
            raise self._engine.failure("cannot list the containers", answer, ContainerFailed)
        # Not a TaskGroup: the caller gets the error itself, not a group of it.
        listed = read_listed(answer.body)
        looks = [asyncio.create_task(self._detail(entry)) for entry in listed]
        try:
            found = await asyncio.gather(*looks)
        finally:
            for look in looks:
                look.cancel()
        return [one for one in found if one is not None and _has(one.labels, labels)]

    async def container(self, container_id: str) -> ContainerDetail | None:
        """The one of this id; None when there is none."""
        async with self._places:
            answer = await self._ask("GET", f"/containers/{_quoted(container_id)}/json")
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise self._failure("look up", container_id, answer)
        return read_detail(answer.body)

    async def _detail(self, listed: ContainerDetail) -> ContainerDetail | None:
        """One that is half removed can be listed, but not looked at: it mustn't hide the rest."""
        try:
            return await self.container(listed.id)
        except ContainerFailed:
            return listed

    async def stop(self, container_id: str, timeout_s: float) -> bool:
        """End it with its own stop signal and its own grace; False: not within `timeout_s`."""
        path = f"/containers/{_quoted(container_id)}/stop"
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._ask("POST", path, timeout_s=timeout_s + _ACTION_TIMEOUT_S)
        except TimeoutError:
            return False
        # 304: it has ended already; 404: it is gone.
        return answer.status in (204, 304, 404) or await self._has_ended(container_id)

    async def kill(self, container_id: str) -> None:
        """End it at once; one that doesn't run is no error."""
        answer = await self._ask(
            "POST", f"/containers/{_quoted(container_id)}/kill", timeout_s=_ACTION_TIMEOUT_S
        )
        if answer.status not in (204, 404) and not await self._has_ended(container_id):
            raise self._failure("kill", container_id, answer)

    async def unpause(self, container_id: str) -> None:
        """Have it go on, if it stands still. One that can't is no error: it will be killed."""
        await self._ask("POST", f"/containers/{_quoted(container_id)}/unpause")

    async def remove(self, container_id: str) -> None:
        """Remove it, with its anonymous volumes, whatever its state. Returns when it is gone, or
        when the engine says that it is being removed already."""
        answer = await self._ask(
            "DELETE",
            f"/containers/{_quoted(container_id)}",
            {"v": "1", "force": "1"},
            timeout_s=_ACTION_TIMEOUT_S,
        )
        if answer.status in (204, 404, 409):
            return
        if await self.container(container_id) is not None:
            raise self._failure("remove", container_id, answer)

    # -- networks

    async def networks(self, labels: Mapping[str, str]) -> list[LabelledNetwork]:
        """All with these labels."""
        # Old engines know no filter for labels here, and refuse the request.
        answer = await self._ask("GET", "/networks")
        if answer.status != 200:
            raise self._engine.failure("cannot list the networks", answer, ContainerFailed)
        found = decode(answer.body, list[_Network], "its networks")
        named = [LabelledNetwork(one.id, one.name, one.labels or {}) for one in found]
        return [one for one in named if one.id and _has(one.labels, labels)]

    async def remove_network(self, network: LabelledNetwork) -> None:
        """Remove it, whoever is still connected. One that is gone is no error."""
        path = f"/networks/{_quoted(network.id)}"
        answer = await self._ask("DELETE", path)
        if answer.status in (200, 204, 404):
            return
        looked_up = await self._ask("GET", path)
        if looked_up.status == 404:
            return
        if looked_up.status == 200:
            wire = decode(looked_up.body, _Network, "a network")
            for connected in wire.containers or ():
                await self._disconnect(path, connected)
            answer = await self._ask("DELETE", path)
        if answer.status not in (200, 204, 404):
            prefix = f"cannot remove network {network.name}"
            raise self._engine.failure(prefix, answer, ContainerFailed)

    async def _disconnect(self, path: str, container: str) -> None:
        """Whether it worked shows when the network is removed. Entries of containers that are
        gone are called `ep-ENDPOINT`; only by force do those go."""
        body = json.dumps({"Container": container, "Force": True}).encode()
        await self._engine.ask("POST", f"{path}/disconnect", json_body=body)

    # -- parts

    async def _has_ended(self, container_id: str) -> bool:
        now = await self.container(container_id)
        return now is None or now.state in _ENDED

    async def _ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        timeout_s: float = _LOOK_TIMEOUT_S,
    ) -> Answer:
        return await self._engine.ask(method, path, params=params, timeout_s=timeout_s)

    def _failure(self, verb: str, container_id: str, answer: Answer) -> DockerError:
        prefix = f"cannot {verb} container {container_id[:12]}"
        return self._engine.failure(prefix, answer, ContainerFailed)


def _filters(labels: Mapping[str, str]) -> str:
    return json.dumps({"label": [f"{name}={value}" for name, value in labels.items()]})


def _has(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(labels.get(name) == value for name, value in wanted.items())


def _quoted(name: str) -> str:
    return quote(name, safe="")
