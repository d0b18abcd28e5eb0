"""The output of all containers of a core, each line once in its component's log.

Told of each change of a component's containers and scripts; has the engine's log of a container
followed whenever no script brings its lines, and stops when one does. log_choice.py decides that,
log_following.py reads. Called by what adapts the containers to the lifecycle.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from greendock.base.clock import Clock
from greendock.base.log_files import Mark
from greendock.base.logs import ComponentLog, ComponentLogs
from greendock.docker.containers.log_choice import ScriptOutput, is_followed
from greendock.docker.containers.log_cut import CutFinder
from greendock.docker.containers.log_following import FollowedLog, LogSource
from greendock.docker.containers.log_positions import ID_CONTEXT, ID_LENGTH, LogPositions
from greendock.docker.containers.model import GenerationState, OwnedContainer
from greendock.docker.containers.script_lines import ScriptCount, ScriptLines
from greendock.docker.engine.client import Engine
from greendock.docker.engine.log_frames import LogLine

_DRAIN_S = 2.0
_LIVES_REMEMBERED = 256
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


class _Sink:
    """Writes one container's lines into its component's log."""

    def __init__(self, log: ComponentLog, container: OwnedContainer) -> None:
        self._log = log
        self._contexts = {"container": container.name}
        if container.compose_service:
            # A label, which may say anything.
            self._contexts["service"] = _UNSAFE.sub("_", container.compose_service)[:128]
        self._contexts[ID_CONTEXT] = container.id[:ID_LENGTH]

    def level(self, line: LogLine) -> str | None:
        return self._log.output_level(line.stream, line.text)

    def write(self, level: str, line: LogLine) -> None:
        text = line.text.rstrip()
        self._log.write_output(line.time_ns / 1e9, level, line.stream, text, self._contexts)

    def note(self, event: str, message: str) -> None:
        self._log.write("WARN", event, message, **self._contexts)

    def on_flush(self, told: Callable[[Mark], None]) -> Callable[[], None]:
        return self._log.on_flush(told)

    def mark(self) -> Mark:
        return self._log.mark()


@dataclass(slots=True)
class _Life:
    """`brought`: containers whose lines the script brings, or brought to their end."""

    component: str
    logs: dict[str, FollowedLog] = field(default_factory=dict)
    brought: set[str] = field(default_factory=set)


class ContainerOutput:
    """Of one core. `folder`: for the positions (`Paths.log_positions`). Belongs to one loop."""

    def __init__(self, engine: Engine, logs: ComponentLogs, folder: Path, clock: Clock) -> None:
        self._source = LogSource(engine, clock)
        self._logs = logs
        self._positions = LogPositions(folder, clock.monotonic)
        self._scripts = ScriptLines(folder, logs, clock)
        self._lives: dict[str, _Life] = {}
        self._over: deque[str] = deque(maxlen=_LIVES_REMEMBERED)

    def count_script(self, life_id: str, component: str, script: str) -> ScriptCount:
        """Count what the main script of a life prints, which is about to start. `script`: its name
        in the log (the context `scriptName`)."""
        return self._scripts.count(life_id, component, script)

    def update(
        self, life_id: str, component: str, state: GenerationState, script: ScriptOutput
    ) -> None:
        """These are the containers of a life now, and this is what its main script brings. To be
        called on each change of either. Returns at once."""
        if life_id in self._over:
            return  # news that were on their way
        life = self._lives.setdefault(life_id, _Life(component))
        for container in state.containers:
            self._see(life_id, life, container, script)
        present = {container.id for container in state.containers}
        for container_id in [one for one in life.logs if one not in present]:
            if not life.logs[container_id].is_at_work:
                life.logs.pop(container_id).remove()
        life.brought &= present

    async def close(self, life_id: str) -> None:
        """The life's containers have stopped and are about to be removed: take what they have
        printed, in 2 s at most. Nothing of this life is followed any more. Never raises."""
        self._over.append(life_id)
        life = self._lives.get(life_id)
        if life is None:
            return
        logs = [*life.logs.values()]
        await asyncio.gather(*(log.drain(_DRAIN_S) for log in logs))
        self._logs.get(life.component).flush()

    def forget(self, life_id: str) -> None:
        """The life's containers are gone: what is known of them goes too."""
        self._over.append(life_id)
        life = self._lives.pop(life_id, None)
        for log in () if life is None else life.logs.values():
            log.remove()
        self._scripts.forget(life_id)

    def keep(self, life_ids: Iterable[str], container_ids: Iterable[str]) -> None:
        """At the start of the core: what is known of all other lives and containers goes."""
        self._scripts.keep(life_ids)
        self._positions.keep(container_ids)

    async def stop(self) -> None:
        """The core ends: follow nothing more. What is to come is read by its next life."""
        lives, self._lives = self._lives, {}
        logs = [log for life in lives.values() for log in life.logs.values()]
        await asyncio.gather(*(log.stop() for log in logs))
        for life in lives.values():
            self._logs.get(life.component).flush()
        for log in logs:
            log.close()

    def _see(
        self, life_id: str, life: _Life, container: OwnedContainer, script: ScriptOutput
    ) -> None:
        log = life.logs.get(container.id)
        if not is_followed(container, script):
            if script is not ScriptOutput.NONE:
                life.brought.add(container.id)
            if log is not None and log.is_at_work:
                log.cancel()
            return
        if log is None:
            if container.id in life.brought and not container.is_alive:
                return  # its script brought all of it
            log = life.logs[container.id] = self._new(life_id, life.component, container)
        log.see(container)

    def _new(self, life_id: str, component: str, container: OwnedContainer) -> FollowedLog:
        log = self._logs.get(component)
        position = self._positions.of(container.id)
        position.restore(log.path, container.id)
        finder = partial(self._finder, life_id, component, container)
        return FollowedLog(self._source, container, _Sink(log, container), position, finder)

    def _finder(self, life_id: str, component: str, container: OwnedContainer) -> CutFinder | None:
        if not (container.is_attached or container.compose_project):
            return None
        record = self._scripts.find(life_id, component)
        if record is None or not record.tail:
            return None
        names: tuple[str, ...] = ()
        if container.compose_project and not container.is_attached:
            names = compose_names(container)
        return CutFinder(record, names)


def compose_names(container: OwnedContainer) -> tuple[str, ...]:
    """What `compose up` may put before a container's lines: its name, with or without the project,
    or its service with a number."""
    name, service = container.name, container.compose_service
    short = name.removeprefix(container.compose_project).lstrip("-_")
    number = name.rpartition("-")[2].rpartition("_")[2]
    found = [name, short, service]
    if number.isdecimal():
        found += [f"{service}-{number}", f"{service}_{number}"]
    return tuple(dict.fromkeys(one for one in found if one))
