"""Follows the log of one container into its component's log, each line once.

Reads from the place where the last life of the core, or the last connection, stopped; connects
again after a restart of the engine or of the container; ends once it has read all that a container
left. Holds a few lines at most: a component's log that is slow makes the engine wait. What the
engine had removed before it could be read (`--rm`) is lost, and said. Decides nothing about which
containers are followed. Called by container_output.py.
"""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Protocol

from greendock.base.clock import Clock
from greendock.base.log_files import Mark
from greendock.docker.containers.log_cut import CutFinder
from greendock.docker.containers.log_place import LogPlace, Passage
from greendock.docker.containers.log_positions import LogPosition
from greendock.docker.containers.model import OwnedContainer
from greendock.docker.engine.client import Engine
from greendock.docker.engine.containers import ContainerStore
from greendock.docker.engine.log_frames import LogLine
from greendock.docker.engine.log_stream import read_log
from greendock.docker.errors import DockerError, EngineUnavailable

_log = logging.getLogger("greendock.containers")

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_REFUSED_PAUSE_S = 60.0
_LINES_PER_TURN = 64


class Sink(Protocol):
    """Where the lines of one container go."""

    def level(self, line: LogLine) -> str | None:
        """Its level; None when lines of that level are not logged."""

    def write(self, level: str, line: LogLine) -> None: ...

    def note(self, event: str, message: str) -> None:
        """A warning about the log itself."""

    def on_flush(self, told: Callable[[Mark], None]) -> Callable[[], None]:
        """Call `told` whenever all that was written is on the disk, until what this gives is
        called."""

    def mark(self) -> Mark:
        """The end of the component's log, everything written to it."""


@dataclass(slots=True)
class LogSource:
    """What all followed logs of one core share. The lock has one turn per turn of the event loop,
    so that containers which print without end leave the core its time."""

    engine: Engine
    clock: Clock
    turns: asyncio.Lock = field(default_factory=asyncio.Lock)


class FollowedLog:
    """One container's log. `finder`: finds where its script stopped, when it had one; asked once,
    if no position is known."""

    def __init__(
        self,
        source: LogSource,
        container: OwnedContainer,
        sink: Sink,
        position: LogPosition,
        finder: Callable[[], CutFinder | None],
    ) -> None:
        self._source = source
        self._store = ContainerStore(source.engine)
        self._container = container
        self._sink = sink
        self._forget = sink.on_flush(position.save)
        self.position = position
        self._finder = finder
        self._bell = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._read_through: float | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._is_refused = False
        self._is_gone = False
        self._has_all = False
        """Whether the last reading came to the end of the log."""

    def see(self, container: OwnedContainer) -> None:
        """This is what the container is now; begin to follow it if there is something to read."""
        before, self._container = self._container, container
        if (before.phase, before.started_at_s) != (container.phase, container.started_at_s):
            self._bell.set()
        if self.is_at_work or self._is_gone:
            return
        if container.is_alive or self._read_through != container.started_at_s:
            self._task = asyncio.create_task(self._run(), name=f"log of {container.name}")

    @property
    def is_at_work(self) -> bool:
        return self._task is not None and not self._task.done()

    async def stop(self) -> None:
        """Follow no more; the place is kept."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def drain(self, deadline_s: float) -> None:
        """Take what is in the log now, in at most `deadline_s`, and follow no more."""
        await self.stop()
        with suppress(DockerError, TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self._prepare()
                await self._read(follow=False)

    def cancel(self) -> None:
        """Follow no more for now."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    def close(self) -> None:
        """Let go of the file; the place is kept in it."""
        self._forget()
        self.position.close()

    def remove(self) -> None:
        """The container is gone for good."""
        self.cancel()
        self._forget()
        self.position.remove()

    async def _run(self) -> None:
        while True:
            self._bell.clear()
            seen = self._container
            try:
                await self._prepare()
                await self._read(follow=seen.is_alive)
                self._has_all = True
                if not seen.is_alive:
                    self._read_through = seen.started_at_s
                    return
            except EngineUnavailable:
                self._has_all = False
            except DockerError as error:
                if await self._find_gone():
                    self._tell_gone(error)
                    return
                self._refused(error)
            except Exception:
                _log.exception("unexpected error while following the log of %s", seen.name)
                self._pause_s = _REFUSED_PAUSE_S
            await self._wait()

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pause_s):
                await self._bell.wait()
        self._pause_s = min(self._pause_s * 2, max(_LONGEST_PAUSE_S, self._pause_s))

    async def _prepare(self) -> None:
        """Know the place: the noted one, where the script stopped, or the beginning."""
        if self.position.place is not None:
            return
        place = LogPlace()
        finder = self._finder()
        if finder is not None:
            async with aclosing(self._lines(0, follow=False)) as pieces:
                async for lines in pieces:
                    for line in lines:
                        finder.feed(line)
                    await asyncio.sleep(0)
            place = finder.place()
        self.position.place = place
        self.position.is_moved = True
        self.position.save(self._sink.mark())

    async def _read(self, *, follow: bool) -> None:
        place = self.position.place or LogPlace()
        is_strict = place.is_misleading(int(self._source.clock.now() * 1e9))
        if is_strict:
            is_strict = await self._is_found(copy.deepcopy(place))
        passage = Passage(place, is_strict=is_strict)
        since_ns = 0 if is_strict else place.since_ns
        async with aclosing(self._lines(since_ns, follow=follow)) as pieces:
            async for lines in pieces:
                for start in range(0, len(lines), _LINES_PER_TURN):
                    async with self._source.turns:
                        self._deliver(passage, lines[start : start + _LINES_PER_TURN])
                        await asyncio.sleep(0)

    async def _is_found(self, place: LogPlace) -> bool:
        """Whether the log still has the line where it was left, which a set back clock hides."""
        passage = Passage(place, is_strict=True)
        async with aclosing(self._lines(0, follow=False)) as pieces:
            async for lines in pieces:
                for line in lines:
                    passage.take(line, is_logged=False)
                if passage.has_arrived:
                    return True
                await asyncio.sleep(0)
        return passage.has_arrived

    def _deliver(self, passage: Passage, lines: Sequence[LogLine]) -> None:
        for line in lines:
            level = self._sink.level(line)
            # The place is moved first: a full buffer is written, and the place noted, in `write`.
            is_new = passage.take(line, is_logged=level is not None)
            self.position.is_moved = True
            if is_new:
                self._pause_s = _FIRST_PAUSE_S
                if level is not None:
                    self._sink.write(level, line)

    def _lines(self, since_ns: int, *, follow: bool) -> AsyncGenerator[list[LogLine], None]:
        return read_log(
            self._source.engine,
            self._container.id,
            has_terminal=self._container.has_terminal,
            since_ns=since_ns,
            follow=follow,
        )

    async def _find_gone(self) -> bool:
        """Whether the engine says that it has no such container."""
        with suppress(DockerError):
            self._is_gone = await self._store.find(self._container.id) is None
        return self._is_gone

    def _tell_gone(self, error: DockerError) -> None:
        if not self._has_all:
            self._sink.note(
                "container-log-lost",
                f"output of container {self._container.name} may be missing: "
                f"it was removed before its log was read to the end: {error.message}",
            )

    def _refused(self, error: DockerError) -> None:
        self._pause_s = _REFUSED_PAUSE_S
        if not self._is_refused:
            self._is_refused = True
            self._sink.note(
                "container-log-not-readable",
                f"no output of container {self._container.name} from here on: {error.message}",
            )
