"""Watches this core's containers on the engine, whatever happens to the connection.

Level-triggered: it looks at everything after each connection and once a minute; events only say
what to look at sooner. Decides nothing about containers. Called by their keeper, which starts it
when a component first reaches the engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass

from greendock.base.clock import Clock
from greendock.docker.containers.book import GONE_ACTIONS, Book
from greendock.docker.containers.changes import Changes
from greendock.docker.containers.found import owned
from greendock.docker.containers.labels import CORE, GENERATION
from greendock.docker.containers.model import GenerationState, OwnedContainer
from greendock.docker.engine.client import Engine
from greendock.docker.engine.container_detail import ContainerDetail
from greendock.docker.engine.events import container_events, first_to_end, until_silent
from greendock.docker.engine.labelled import Labelled
from greendock.docker.errors import ContainerFailed, DockerError, ImageQueryFailed
from greendock.docker.ports import Journal

_log = logging.getLogger("greendock")

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_DEBOUNCE_S = 0.02
_LOOK_EVERY_S = 60.0
_PING_TIMEOUT_S = 5.0
_DIGESTS_KEPT = 500


@dataclass(frozen=True, slots=True)
class Hooks:
    """Must not block.

    `changed`: the state of this generation, which is tracked, may be another. `looked`: everything
    has been looked at. `stranger`: there is a container of a generation that isn't tracked.
    """

    changed: Callable[[str], None]
    looked: Callable[[], None]
    stranger: Callable[[], None]


class ContainerWatch:
    """Of one core, on one engine. `engine` is asked for anew with each connection."""

    def __init__(
        self, engine: Callable[[], Engine], core: str, journal: Journal, clock: Clock, hooks: Hooks
    ) -> None:
        self._engine = engine
        self._core = core
        self._journal = journal
        self._clock = clock
        self._hooks = hooks
        self._book = Book(core)
        self._looks = 0
        self._digests: dict[str, str] = {}
        self._dirty: set[str] = set()
        self._bell = asyncio.Event()
        self._wants_all = False
        self._task: asyncio.Task[None] | None = None
        self._was_there = False
        self._doubt: asyncio.Future[None] | None = None
        self.is_connected = False
        self.losses = 0
        self.failures = 0
        """How often a connection failed or ended."""
        self._hurried = asyncio.Event()
        self.trouble: DockerError | None = None
        """Why the last connection failed; None while it stands, and before the first try."""
        self.changes = Changes()

    # -- start and end

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="container watch")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    # -- what is known

    def track(self, generation: str, *, is_alone: bool = False) -> None:
        """`is_alone`: none of its scripts goes on."""
        self._book.keep(generation, is_alone=is_alone)

    def leave_alone(self, generation: str) -> None:
        """Its scripts have ended; its containers go on."""
        self._book.leave_alone(generation)

    def forget(self, generation: str) -> None:
        self._book.forget(generation)

    def state(self, generation: str) -> GenerationState:
        return self._book.state(generation, is_known=self.is_connected)

    def all(self) -> tuple[OwnedContainer, ...]:
        """Every container of this core, as it was seen last."""
        return self._book.all()

    async def look(self, generation: str) -> GenerationState:
        """Ask the engine now. Raises DockerError; also for an engine that is about to end, which
        is lost from then on."""
        try:
            await self._engine().ping(_PING_TIMEOUT_S)
        except DockerError as error:
            self._give_up(error)
            raise
        await self._look_at_all({CORE: self._core, GENERATION: generation})
        return self._book.state(generation, is_known=True)

    def hurry(self) -> int:
        """Somebody needs the engine: have it tried soon, if it isn't there. Returns `failures` as
        it is now: when that is more, it was tried after this."""
        if not self.is_connected:
            self._hurried.set()
        return self.failures

    def look_again(self) -> None:
        """Have everything looked at soon."""
        self._wants_all = True
        self._bell.set()

    def are_gone(self, container_ids: Iterable[str]) -> None:
        """Somebody made sure that the engine has these no more."""
        for container_id in container_ids:
            self._is_gone(container_id)

    @property
    def engine_is_lost(self) -> bool:
        return self._was_there and not self.is_connected

    async def engine_is_back(self, deadline_s: float) -> bool:
        return await self.changes.until(lambda: not self.engine_is_lost, deadline_s)

    # -- the connection

    async def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            self._hurried.clear()
            try:
                await self._connected()
            except DockerError as error:
                pause_s = _FIRST_PAUSE_S if self.is_connected else pause_s
                self._lost(error)
            except Exception as error:
                _log.exception("the watch of containers failed, and begins anew")
                self._lost(DockerError(f"cannot watch containers: {error}"))
            await self._pause(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _pause(self, pause_s: float) -> None:
        await self._clock.sleep(_FIRST_PAUSE_S)
        rest = asyncio.ensure_future(self._clock.sleep(pause_s - _FIRST_PAUSE_S))
        hurried = asyncio.ensure_future(self._hurried.wait())
        try:
            await asyncio.wait((rest, hurried), return_when=asyncio.FIRST_COMPLETED)
        finally:
            rest.cancel()
            hurried.cancel()

    async def _connected(self) -> None:
        engine = self._engine()
        # An open connection may still lead to an engine that is about to end.
        await engine.ping(_PING_TIMEOUT_S)
        opened = asyncio.Event()
        self._doubt = asyncio.get_running_loop().create_future()
        await first_to_end(
            asyncio.create_task(_wait_for(self._doubt)),
            asyncio.create_task(self._listen(engine, opened)),
            asyncio.create_task(until_silent(engine, self._clock)),
            asyncio.create_task(self._keep_looking(opened)),
        )

    def _give_up(self, error: DockerError) -> None:
        """The connection is of no use any more."""
        if self._doubt is not None and not self._doubt.done():
            self._doubt.set_exception(error)
            self._lost(error)

    def _lost(self, error: DockerError) -> None:
        was_connected, self.is_connected = self.is_connected, False
        self.failures += 1
        self.trouble = error
        if was_connected:
            self.losses += 1
            text = f"the Docker engine is lost; its containers are not known: {error.message}"
            self._journal.write("WARN", "docker-engine-lost", text)
            self._tell_all()
        self.changes.ring()

    def _back(self) -> None:
        if not self.is_connected and self._was_there:
            self._journal.write("INFO", "docker-engine-back", "the Docker engine answers again")
        is_news = not self.is_connected
        self.is_connected = self._was_there = True
        self.trouble = None
        self._hooks.looked()
        if is_news:
            self._tell_all()
        self.changes.ring()

    def _tell_all(self) -> None:
        for generation in self._book.generations:
            self._hooks.changed(generation)

    # -- events

    async def _listen(self, engine: Engine, opened: asyncio.Event) -> None:
        label = f"{CORE}={self._core}"
        async with aclosing(container_events(engine, label, opened.set)) as events:
            async for event in events:
                if not self._book.heard(event):
                    continue
                if event.action in GONE_ACTIONS:
                    self._is_gone(event.container_id)
                else:
                    self._dirty.add(event.container_id)
                    self._bell.set()

    def _is_gone(self, container_id: str) -> None:
        self._dirty.discard(container_id)
        generation = self._book.is_gone(container_id)
        if generation in self._book.generations:
            self._hooks.changed(generation)

    # -- looks

    async def _keep_looking(self, opened: asyncio.Event) -> None:
        """Only when events are heard: between the look and the first event nothing may be lost."""
        await opened.wait()
        self._wants_all = True
        while True:
            if self._wants_all:
                self._wants_all = False
                await self._look_at_all({CORE: self._core})
                self._back()
            await self._look_at_dirty()
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._bell.wait()
            except TimeoutError:
                self._wants_all = True
            self._bell.clear()
            await self._clock.sleep(_DEBOUNCE_S)

    async def _look_at_all(self, labels: dict[str, str]) -> None:
        look = self._next_look()
        labelled = Labelled(self._engine())
        found = await labelled.containers(labels)
        listed = {detail.id for detail in found}
        touched = [await self._saw(look, detail) for detail in found]
        # One that isn't listed may be new instead of gone.
        for container_id in self._ids_of(labels) - listed:
            await self._look_at(labelled, container_id)
        self._tell(touched)

    def _ids_of(self, labels: dict[str, str]) -> frozenset[str]:
        generation = labels.get(GENERATION)
        if generation is None:
            return self._book.ids
        state = self._book.state(generation, is_known=True)
        return frozenset(one.id for one in state.containers)

    async def _look_at_dirty(self) -> None:
        while self._dirty:
            dirty, self._dirty = self._dirty, set()
            labelled = Labelled(self._engine())
            await asyncio.gather(*(self._look_at(labelled, one) for one in dirty))

    async def _look_at(self, labelled: Labelled, container_id: str) -> None:
        look = self._next_look()
        try:
            detail = await labelled.container(container_id)
        except ContainerFailed as error:
            _log.debug("%s; it stays as it was seen last", error)
            return
        if detail is None:
            self._is_gone(container_id)
        else:
            self._tell([await self._saw(look, detail)])

    async def _saw(self, look: int, detail: ContainerDetail) -> str:
        """Returns the generation; empty when the container isn't ours."""
        container = owned(detail, self._core, await self._digest(detail.image_id))
        if container is None:
            return ""
        self._book.saw(look, container, is_removed_at_end=detail.is_removed_at_end)
        return container.owner.generation

    def _tell(self, touched: Iterable[str]) -> None:
        tracked = set(self._book.generations)
        for generation in sorted(set(touched) - {""}):
            if generation in tracked:
                self._hooks.changed(generation)
            elif self.is_connected:
                self._hooks.stranger()
        self.changes.ring()

    def _next_look(self) -> int:
        self._looks += 1
        return self._looks

    async def _digest(self, image_id: str) -> str:
        """The digest by which the image was pulled; empty when it has none."""
        if image_id not in self._digests:
            names: tuple[str, ...] = ()
            with contextlib.suppress(ImageQueryFailed):
                image = await self._engine().inspect_image(image_id)
                names = image.repo_digests if image is not None else ()
            if len(self._digests) >= _DIGESTS_KEPT:
                self._digests.clear()
            self._digests[image_id] = names[0].rpartition("@")[2] if names else ""
        return self._digests[image_id]


async def _wait_for(future: asyncio.Future[None]) -> None:
    await future
