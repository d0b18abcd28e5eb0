"""The pause of one component: its processes stand still, then its containers; back in turn.

What fails halfway is undone. A component is paused only while it is RUNNING: whatever makes it
leave that state has it go on first. Which containers are its own is for the `Containers` port to
say. Called by component.py and, for requests, by the supervisor.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from greendock.base.errors import GreendockError, LifecycleError, UsageError
from greendock.lifecycle.countdown import Countdown
from greendock.lifecycle.host import Host
from greendock.lifecycle.ports import ContainerOwner
from greendock.lifecycle.process_tree import ProcessTree
from greendock.lifecycle.standstill import Standstill

_log = logging.getLogger("greendock.lifecycle")

CONTAINERS_S = 20.0
"""For pausing or resuming the containers of one component; a pause may need it twice."""


class Pausing:
    """`allow` when the component is RUNNING, `leave` before it is not any more."""

    def __init__(self, name: str, host: Host, tree: ProcessTree) -> None:
        self._name = name
        self._containers = host.containers
        self._standstill = Standstill(tree)
        self._turn = asyncio.Lock()
        self._owner: ContainerOwner | None = None
        self._countdown: Countdown | None = None
        self._work: set[asyncio.Task[None]] = set()
        self._pausing: asyncio.Task[None] | None = None
        self.is_paused = False

    def allow(self, owner: ContainerOwner | None, countdown: Countdown) -> None:
        """From now on it may be paused; `countdown` is held meanwhile."""
        self._owner, self._countdown = owner, countdown

    async def pause(self) -> None:
        """Raises UsageError unless it is RUNNING, LifecycleError; it runs on then.

        Who asked may go away: what was begun is brought to its end.
        """
        await self._whole(self._pause)

    async def resume(self) -> None:
        """Raises UsageError unless it is paused, LifecycleError; it stays paused then."""
        await self._whole(self._resume)

    async def leave(self) -> None:
        """Have it go on if it is paused, and allow no pause any more. Never raises an error.

        A pause that is not done yet is given up. Containers that can't be resumed now are resumed
        as soon as the engine answers.
        """
        self._owner = None
        if self._pausing is not None:
            self._pausing.cancel()
        async with self._turn:
            if not self.is_paused:
                return
            await self._undo()

    async def _whole(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.create_task(work(), name=f"pause {self._name}")
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        await asyncio.shield(task)

    async def _pause(self) -> None:
        async with self._turn:
            owner = self._owner
            if owner is None or self._countdown is None:
                raise UsageError(f"cannot pause {self._name}: only a RUNNING component can be")
            if self.is_paused:
                return
            self._countdown.hold()
            self._pausing = asyncio.create_task(self._hold(owner), name=f"hold {self._name}")
            try:
                await asyncio.wait((self._pausing,))
                if self._owner is None:
                    raise UsageError(f"cannot pause {self._name}: it is about to stop")
                self._pausing.result()
            except BaseException:
                self._pausing.cancel()
                await asyncio.wait((self._pausing,))
                await self._undo()
                raise
            finally:
                self._pausing = None
            self.is_paused = True
            _log.info("%s is paused", self._name)

    async def _hold(self, owner: ContainerOwner) -> None:
        await self._standstill.begin()
        await self._pause_containers(owner)

    async def _undo(self) -> None:
        """Have everything go on: processes whatever happens, containers now or later."""
        try:
            await self._resume_containers()
        except Exception as error:
            if isinstance(error, LifecycleError):
                _log.error("%s", error.explain())
            else:
                _log.exception("the containers of %s could not be resumed", self._name)
            if self._containers is not None:
                self._containers.release(self._name)
        finally:
            self._go_on()

    async def _resume(self) -> None:
        async with self._turn:
            owner = self._owner
            if not self.is_paused or owner is None:
                raise UsageError(f"cannot resume {self._name}: it is not paused")
            try:
                await self._resume_containers()
            except LifecycleError:
                # Half of it running would be neither one nor the other.
                try:
                    await self._pause_containers(owner)
                except LifecycleError as error:
                    _log.error("%s", error.explain())
                raise
            self._go_on()
            _log.info("%s goes on after its pause", self._name)

    def _go_on(self) -> None:
        self._standstill.end()
        if self._countdown is not None:
            self._countdown.go_on()
        self.is_paused = False

    async def _pause_containers(self, owner: ContainerOwner) -> None:
        if self._containers is not None:
            await self._within("pause", self._containers.pause(owner))

    async def _resume_containers(self) -> None:
        if self._containers is not None:
            await self._within("resume", self._containers.resume(self._name))

    async def _within(self, verb: str, work: Coroutine[Any, Any, None]) -> None:
        what = f"cannot {verb} the containers of {self._name}"
        try:
            async with asyncio.timeout(CONTAINERS_S):
                await work
        except TimeoutError as error:
            text = f"{what}: the engine did not answer within {CONTAINERS_S:g} s"
            raise LifecycleError(text, codes=("DOCKER_ERROR",)) from error
        except GreendockError as error:
            text = f"{what}: {error.message}"
            raise LifecycleError(text, codes=error.codes, hint=error.hint) from error
