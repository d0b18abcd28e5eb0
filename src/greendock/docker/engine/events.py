"""The engine's news of containers with a label, as they happen.

Decides nothing. A connection on which nothing happens looks like one to an engine that hangs, so
the engine is asked beside it whether it is there. Called by the watch of containers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass

import msgspec

from greendock.base.clock import Clock
from greendock.docker.engine.client import Engine
from greendock.docker.errors import EngineUnavailable

_NO_DEADLINE_S = 10 * 365 * 86400.0
_PING_EVERY_S = 10.0
_PING_TIMEOUT_S = 5.0
_LONGEST_LINE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ContainerEvent:
    """`action`: the engine's word (`create`, `start`, `die`, `destroy` …), what follows a colon
    taken off. `exit_code`: of a `die`. `signal`: of a `kill`. `time_ns`: by the engine's clock."""

    container_id: str
    action: str
    attributes: Mapping[str, str]
    time_ns: int

    @property
    def name(self) -> str:
        return self.attributes.get("name", "")

    @property
    def exit_code(self) -> int | None:
        # Podman spells it in its own way.
        return _number(self.attributes.get("exitCode") or self.attributes.get("containerExitCode"))

    @property
    def signal(self) -> int | None:
        return _number(self.attributes.get("signal"))


class _Actor(msgspec.Struct):
    id: str = msgspec.field(name="ID", default="")
    attributes: dict[str, str] | None = msgspec.field(name="Attributes", default=None)


class _Event(msgspec.Struct):
    type: str = msgspec.field(name="Type", default="")
    action: str = msgspec.field(name="Action", default="")
    actor: _Actor = msgspec.field(name="Actor", default_factory=_Actor)
    time_ns: int = msgspec.field(name="timeNano", default=0)


def read_event(line: bytes) -> ContainerEvent | None:
    """One line of the stream; None for what is no event of a container."""
    try:
        wire = msgspec.json.decode(line, type=_Event)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if wire.type != "container" or not wire.actor.id:
        return None
    action = wire.action.partition(":")[0].strip()
    return ContainerEvent(wire.actor.id, action, wire.actor.attributes or {}, wire.time_ns)


async def container_events(
    engine: Engine, label: str, on_open: Callable[[], None]
) -> AsyncGenerator[ContainerEvent, None]:
    """Events of containers with `label` (`name=value`), without end; first those that the engine
    still remembers, which it numbers by its own clock. `on_open`: from now on none is missed.

    Use it with `contextlib.aclosing`. Raises EngineUnavailable and its like; also when the engine
    ends the stream.
    """
    filters = json.dumps({"type": ["container"], "label": [label]})
    await engine.api_version()
    params = {"filters": filters}
    if not engine.is_podman:  # which would read a log without end
        params["since"] = "1"
    what = "cannot follow the events of the engine"
    async with engine.stream(
        "GET", "/events", params=params, deadline_s=_NO_DEADLINE_S, what=what
    ) as pieces:
        on_open()
        rest = b""
        async for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                event = read_event(line)
                if event is not None:
                    yield event
            if len(rest) > _LONGEST_LINE_BYTES:
                break
    raise EngineUnavailable(f"{what}: it ended the connection")


async def until_silent(engine: Engine, clock: Clock) -> None:
    """Ends when the engine doesn't answer (any more), with EngineUnavailable or its like."""
    while True:
        await engine.ping(_PING_TIMEOUT_S)
        await clock.sleep(_PING_EVERY_S)


async def first_to_end(*work: asyncio.Task[None]) -> None:
    """Wait until one ends, end the others, and raise what it raised."""
    try:
        done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    for task in done:
        task.result()


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdecimal() else None
