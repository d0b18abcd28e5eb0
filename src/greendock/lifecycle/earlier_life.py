"""What an earlier life of the core left of one component, and taking it over.

Asked for once, when the component is NEW for the first time in this life of the core. What is
there is taken over, or ended; it is never left alone. state_work.py calls it.
"""

from __future__ import annotations

import asyncio
import logging

from greendock.lifecycle.host import Host
from greendock.lifecycle.lifetime import Lifetime
from greendock.lifecycle.model import ComponentSpec
from greendock.lifecycle.ports import Reclaimed
from greendock.lifecycle.status import StepError

_log = logging.getLogger("greendock.lifecycle")

_PATIENCE_S = 10.0


class EarlierLife:
    """`is_over` once there is nothing left to decide."""

    def __init__(self, spec: ComponentSpec, host: Host, lifetime: Lifetime) -> None:
        self._log = host.logs.get(spec.name)
        self._clock = host.clock
        self._lifetime = lifetime
        self._answer: asyncio.Future[Reclaimed | None] | None = None
        self.is_over = host.owned is None or spec.built_in

    def ask(self, spec: ComponentSpec) -> asyncio.Future[Reclaimed | None]:
        """The answer, which can take a while; asked for by the first call."""
        if self._answer is None:
            work = self._lifetime.containers.reclaim(spec)
            self._answer = asyncio.ensure_future(work)
        return self._answer

    async def end(self, spec: ComponentSpec, generation: int) -> bool:
        """As `take_over`, for a component that is to end it. An engine that is away is not waited
        for to the last: what it holds goes when it is back."""
        if self.is_over:
            return False
        answer = self.ask(spec)
        timer = asyncio.ensure_future(self._clock.sleep(_PATIENCE_S))
        try:
            await asyncio.wait((answer, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        if not answer.done():
            self.close()
            self.is_over = True
            _log.warning("what %s left running is ended when the engine is back", spec.name)
            return False
        return await self.take_over(spec, generation)

    async def take_over(self, spec: ComponentSpec, generation: int) -> bool:
        """Begin the component's life with what is there. False: there is nothing, or it could
        not be taken over and is gone."""
        if self.is_over:
            return False
        reclaimed = await asyncio.shield(self.ask(spec))
        self.is_over = True
        if reclaimed is None:
            return False
        try:
            await self._lifetime.take_over(spec, generation, reclaimed.id)
        except StepError as error:
            _log.error("the containers of %s can't be taken over: %s", spec.name, error.explain())
            await self._end(reclaimed)
            return False
        message = "its containers, which run since an earlier life of the core, were taken over"
        self._log.write("INFO", None, message, serviceName=spec.name)
        _log.info("%s: %s", spec.name, message)
        return True

    async def _end(self, reclaimed: Reclaimed) -> None:
        containers = self._lifetime.containers
        has_begun = containers.life_id == reclaimed.id
        await self._lifetime.end()
        if not has_begun:
            await containers.discard(reclaimed)

    def close(self) -> None:
        """Nobody is going to decide any more."""
        if self._answer is not None:
            self._answer.cancel()
