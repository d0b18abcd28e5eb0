"""What people see of a component's containers: those that are its own, limits, unowned ones.

Pure data, filled by the daemon for the operations that describe components.
"""

from __future__ import annotations

from dataclasses import dataclass

from greendock.docker.containers.limits import Enforcement
from greendock.docker.containers.model import GenerationState

WHY = "started past the component's Docker socket"


@dataclass(frozen=True, slots=True)
class LimitsInForce:
    """The component's limits as they hold for its containers; None: no limit. `where`: the path
    of the control group, None where each container has them by itself. `trouble`: why they are not
    enforced, or not for the containers together."""

    memory_bytes: int | None = None
    cpus: float | None = None
    enforcement: Enforcement = Enforcement.NONE
    where: str | None = None
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class UnownedContainer:
    """One that is the component's by all signs, but carries no label. `image_name`: as it was
    written at its start."""

    id: str
    name: str
    image_name: str
    why: str = WHY


@dataclass(frozen=True, slots=True)
class ContainersView:
    """`limits`: as they hold for them. `unowned`: those of the component that are not its own."""

    state: GenerationState
    limits: LimitsInForce = LimitsInForce()
    unowned: tuple[UnownedContainer, ...] = ()
