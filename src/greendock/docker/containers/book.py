"""What is known of this core's containers, put together from looks and from events.

No clock, no engine. Looks can overtake each other, so each has a number from before it was asked:
the later one counts. What is gone once never comes back under the same id. Called by the watch.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from greendock.docker.containers.labels import CORE, GENERATION
from greendock.docker.containers.model import GenerationState, OwnedContainer
from greendock.docker.engine.events import ContainerEvent

_GONE_KEPT = 2000
# Signals that are not sent to end a container: HUP, USR1, USR2, CONT, STOP, TSTP, WINCH.
_HARMLESS_SIGNALS = frozenset({1, 10, 12, 18, 19, 20, 28})
GONE_ACTIONS = frozenset({"destroy", "remove"})
_CHANGING_ACTIONS = frozenset(
    {
        *("create", "init", "start", "restart", "die", "died", "stop", "oom"),
        *("pause", "unpause", "health_status", "rename", "update"),
    }
)


@dataclass(slots=True)
class _Entry:
    container: OwnedContainer
    is_removed_at_end: bool
    look: int


@dataclass(slots=True)
class _Heard:
    """Of a container, by its events. `was_asked`: somebody had it end."""

    generation: str
    name: str
    exit_code: int | None = None
    was_asked: bool = False
    is_attached: bool = False


@dataclass(slots=True)
class _Kept:
    """A generation whose failures are kept. `is_alone`: no client waits for its containers (any
    more): the scripts that started them have ended, maybe with an earlier core."""

    is_alone: bool
    failures: dict[str, int]


class Book:
    """Of one core."""

    def __init__(self, core: str) -> None:
        self._core = core
        self._entries: dict[str, _Entry] = {}
        self._heard: dict[str, _Heard] = {}
        self._gone: OrderedDict[str, None] = OrderedDict()
        self._kept: dict[str, _Kept] = {}

    # -- what is kept

    def keep(self, generation: str, *, is_alone: bool) -> None:
        self._kept.setdefault(generation, _Kept(is_alone, {}))

    def leave_alone(self, generation: str) -> None:
        """The scripts of a generation have ended; its containers go on."""
        if generation in self._kept:
            self._kept[generation].is_alone = True

    def forget(self, generation: str) -> None:
        self._kept.pop(generation, None)

    @property
    def generations(self) -> tuple[str, ...]:
        """Those that are kept."""
        return tuple(self._kept)

    def state(self, generation: str, *, is_known: bool) -> GenerationState:
        own = [
            entry.container
            for entry in self._entries.values()
            if entry.container.owner.generation == generation
        ]
        own.sort(key=lambda one: (one.created_at_s, one.id))
        kept = self._kept.get(generation)
        return GenerationState(is_known, tuple(own), dict(kept.failures) if kept else {})

    def all(self) -> tuple[OwnedContainer, ...]:
        return tuple(entry.container for entry in self._entries.values())

    @property
    def ids(self) -> frozenset[str]:
        """Of all containers that were seen or heard of."""
        return frozenset(self._entries) | frozenset(self._heard)

    # -- what comes in

    def saw(self, look: int, container: OwnedContainer, *, is_removed_at_end: bool) -> None:
        """The engine told this, asked in look number `look`."""
        known = self._entries.get(container.id)
        if container.id in self._gone or (known is not None and known.look > look):
            return
        self._entries[container.id] = _Entry(container, is_removed_at_end, look)

    def is_gone(self, container_id: str) -> str | None:
        """The engine has it no more. Returns the generation, where it was known."""
        self._gone[container_id] = None
        while len(self._gone) > _GONE_KEPT:
            self._gone.popitem(last=False)
        entry = self._entries.pop(container_id, None)
        heard = self._heard.pop(container_id, None)
        if entry is None and heard is None:
            return None
        generation = (
            entry.container.owner.generation if entry else heard.generation if heard else ""
        )
        kept = self._kept.get(generation)
        if kept is not None:
            failed = _failure(entry, heard, is_alone=kept.is_alone)
            if failed is not None:
                kept.failures[failed[0]] = failed[1]
        return generation

    def heard(self, event: ContainerEvent) -> bool:
        """Whether the container has to be looked at because of it."""
        if event.attributes.get(CORE) != self._core or event.container_id in self._gone:
            return False
        if event.action in GONE_ACTIONS:
            return True
        generation = event.attributes.get(GENERATION, "")
        heard = self._heard.get(event.container_id)
        if heard is None:
            heard = self._heard[event.container_id] = _Heard(generation, event.name)
        _take(heard, event)
        return event.action in _CHANGING_ACTIONS


def _take(heard: _Heard, event: ContainerEvent) -> None:
    match event.action:
        case "attach":
            heard.is_attached = True
        case "start":
            heard.exit_code, heard.was_asked = None, False
        case "kill":
            heard.was_asked |= event.signal not in _HARMLESS_SIGNALS
        case "die" | "died":
            heard.exit_code = event.exit_code
        case "rename":
            heard.name = event.name


def _failure(
    entry: _Entry | None, heard: _Heard | None, *, is_alone: bool
) -> tuple[str, int] | None:
    """Name and exit code of one that is gone, when it ended badly and by itself.

    One that a client was attached to told that client; but the clients of some are gone.
    One that isn't removed by its end was removed by somebody who could look at it.
    """
    if heard is None or not heard.exit_code or heard.was_asked:
        return None
    if entry is not None and not entry.is_removed_at_end:
        return None
    is_attached = heard.is_attached or (entry is not None and entry.container.is_attached)
    if is_attached and not is_alone:
        return None
    return (entry.container.name if entry else heard.name), heard.exit_code
