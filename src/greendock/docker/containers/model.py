"""The containers of one life of a component, as everything above the engine sees them.

Pure data. Filled by the watch from what the engine tells; read by the lifecycle and by people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from greendock.docker.containers.labels import Owner


class Health(StrEnum):
    """The engine's words for a HEALTHCHECK; NONE where the image has none."""

    NONE = "none"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class Phase(StrEnum):
    """The engine's words for a container's state."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


ALIVE = frozenset({Phase.RUNNING, Phase.PAUSED, Phase.RESTARTING})
ENDED = frozenset({Phase.EXITED, Phase.DEAD})


@dataclass(frozen=True, slots=True)
class OwnedContainer:
    """One container with our labels. Times are seconds since the epoch, 0 when not told.

    `exit_code` counts when it has ended. `restarts`: by its restart policy, since it was created.
    `stop_timeout_s`: its own grace, None for the engine's default of 10 s.
    """

    id: str
    name: str
    owner: Owner
    phase: Phase
    health: Health = Health.NONE
    health_output: str = ""
    """What the last check printed."""
    exit_code: int = 0
    restarts: int = 0
    started_at_s: float = 0
    created_at_s: float = 0
    image_name: str = ""
    image_id: str = ""
    image_digest: str = ""
    stop_timeout_s: float | None = None
    has_restart_policy: bool = False
    has_terminal: bool = False
    is_attached: bool = False
    """Its output went to whoever started it: `docker run` without -d."""
    memory_bytes: int = 0
    nano_cpus: int = 0
    cgroup_parent: str = ""
    compose_project: str = ""
    compose_service: str = ""

    @property
    def is_alive(self) -> bool:
        return self.phase in ALIVE

    @property
    def has_ended(self) -> bool:
        """It ran, and its exit code counts."""
        return self.phase in ENDED


@dataclass(frozen=True, slots=True)
class GenerationState:
    """What there is of one generation. `is_known` is False while the engine can't be asked:
    then this is what was seen last. Containers that were removed are not in it, but the exit
    codes of those that failed by themselves, with nobody there to see it, are in `failures`, by
    name."""

    is_known: bool = True
    containers: tuple[OwnedContainer, ...] = ()
    failures: Mapping[str, int] = field(default_factory=dict)

    @property
    def alive(self) -> tuple[OwnedContainer, ...]:
        return tuple(one for one in self.containers if one.is_alive)

    @property
    def unhealthy(self) -> tuple[OwnedContainer, ...]:
        return tuple(one for one in self.alive if one.health is Health.UNHEALTHY)

    @property
    def restarts(self) -> int:
        return sum(one.restarts for one in self.containers)
