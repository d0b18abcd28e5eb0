"""The containers of one component's present life, if it has any.

A thin skin over the port OwnedContainers that knows which life is meant; without the port there
never are any. lifetime.py opens and closes it, running.py watches.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from greendock.base.errors import GreendockError
from greendock.docker.containers.model import GenerationState
from greendock.lifecycle.host import Host
from greendock.lifecycle.model import ComponentSpec, ResourceLimits
from greendock.lifecycle.ports import ContainerLife, LineCount, Reclaimed
from greendock.recipe.model import Step

_log = logging.getLogger("greendock.lifecycle")
_NONE = GenerationState()
_LOOK_S = 20.0
_KILL_S = 5.0


class LifeContainers:
    """At most one life at a time. `on_change` is called whenever `state` may be another."""

    def __init__(self, host: Host, on_change: Callable[[], None]) -> None:
        self._owned = host.owned
        self._on_change = on_change
        self.life_id: str | None = None

    async def reclaim(self, spec: ComponentSpec) -> Reclaimed | None:
        return None if self._owned is None else await self._owned.reclaim(spec)

    async def open(self, life: ContainerLife) -> Mapping[str, str]:
        """Variables for its scripts. Raises GreendockError; there is no life then."""
        if self._owned is None:
            return {}
        self.life_id = life.id
        try:
            variables = await self._owned.open(life)
        except GreendockError:
            self.life_id = None
            raise
        self._owned.attend(life.id, self._on_change)
        return variables

    @property
    def state(self) -> GenerationState:
        """As far as it is known; costs nothing."""
        if self._owned is None or self.life_id is None:
            return _NONE
        return self._owned.state(self.life_id)

    async def look(self) -> GenerationState | None:
        """As the engine says now; None when it doesn't."""
        if self._owned is None or self.life_id is None:
            return _NONE
        try:
            async with asyncio.timeout(_LOOK_S):
                return await self._owned.look(self.life_id)
        except (TimeoutError, GreendockError) as error:
            _log.warning("cannot ask for the containers of a component: %s", error)
            return None

    def count(self, main: Step, script_name: str) -> LineCount | None:
        """Who is told of the main script's lines, which is about to start."""
        if self._owned is None or self.life_id is None:
            return None
        return self._owned.count(self.life_id, main, script_name)

    def runs(self, main: Step | None) -> None:
        """The component is RUNNING by this script, or by its containers alone."""
        if self._owned is not None and self.life_id is not None:
            self._owned.runs(self.life_id, main)

    @property
    def can_carry(self) -> bool:
        """Whether they may go on without the script."""
        if self._owned is None or self.life_id is None:
            return False
        return self._owned.can_carry(self.life_id)

    @property
    def engine_is_lost(self) -> bool:
        return self._owned is not None and self._owned.engine_is_lost

    async def engine_is_back(self, deadline_s: float) -> bool:
        return self._owned is None or await self._owned.engine_is_back(deadline_s)

    def limit(self, limits: ResourceLimits | None) -> None:
        if self._owned is not None and self.life_id is not None:
            self._owned.limit(self.life_id, limits)

    async def close(self) -> None:
        """End the life: all its containers are gone afterwards."""
        if self._owned is not None and self.life_id is not None:
            await self._owned.close(self.life_id)
        self.life_id = None

    async def discard(self, reclaimed: Reclaimed) -> None:
        """End a life of an earlier core that is not taken over after all."""
        if self._owned is not None:
            await self._owned.close(reclaimed.id)

    async def kill(self) -> None:
        """End the life without any grace; an engine that doesn't do it in time is left to it."""
        if self._owned is None or self.life_id is None:
            return
        try:
            async with asyncio.timeout(_KILL_S):
                await self._owned.kill(self.life_id)
        except TimeoutError:
            _log.error("containers could not be ended within %g s", _KILL_S)
            self._owned.leave(self.life_id)
        self.life_id = None
