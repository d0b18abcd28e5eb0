"""What the lifecycle is asked to run: one frozen `ComponentSpec` per component, and what it shows.

The deployment makes these (recipe chosen, variables filled in, configuration merged); the
supervisor compares old and new ones and never looks at a recipe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from greendock.recipe.model import DependencyType, Steps


class State(StrEnum):
    """Component states, by their Greengrass names."""

    NEW = "NEW"
    INSTALLED = "INSTALLED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    ERRORED = "ERRORED"
    BROKEN = "BROKEN"
    FINISHED = "FINISHED"
    UNINSTALLING = "UNINSTALLING"
    UNINSTALLED = "UNINSTALLED"


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """systemResourceLimits: memory in KB, CPUs as a number of cores; None = no limit."""

    memory_kb: int | None = None
    cpus: float | None = None


@dataclass(frozen=True, slots=True)
class RunWith:
    """`posix_user` is `user` or `user:group` (names or numbers); None = the core's default."""

    posix_user: str | None = None
    limits: ResourceLimits | None = None


@dataclass(frozen=True, slots=True)
class ComponentSpec:
    """All that is needed to run one component.

    `built_in` marks what is part of the core, `resident` what of it counts as RUNNING always.
    `restart_id` changes when its configuration changed so that it has to start anew.
    `content_id` changes when the component's artifact files change: that reinstalls it.
    `uses_docker` is true when it lists a docker artifact or depends on the application manager.
    """

    name: str
    version: str
    steps: Steps = field(default_factory=Steps)
    dependencies: Mapping[str, DependencyType] = field(default_factory=dict)
    run_with: RunWith = field(default_factory=RunWith)
    configuration: Mapping[str, Any] = field(default_factory=dict)
    content_id: str = ""
    restart_id: str = ""
    resident: bool = False
    built_in: bool = False
    uses_docker: bool = False


@dataclass(frozen=True, slots=True)
class ComponentView:
    """What can be seen of a component from outside. `status_code` e.g. RUN_ERROR, NONE."""

    name: str
    version: str
    state: State
    status_code: str
    status_reason: str
    configuration: Mapping[str, Any]
    restarts: int
    pid: int | None
    is_paused: bool = False
    """Its processes and containers stand still on request; its state stays RUNNING."""
    is_adopted: bool = False
    """Its containers are those of an earlier life of the core."""
    is_carried: bool = False
    """It is RUNNING by its containers alone: no script of it goes on."""
    soak: str = ""
    """What a deployment waits for before it trusts the component; empty: nothing."""


@dataclass(frozen=True, slots=True)
class ComponentStateChanged:
    """Published on the bus at every transition. `at` is seconds since the epoch."""

    component: str
    version: str
    old: State
    new: State
    status_code: str
    status_reason: str
    at: float
