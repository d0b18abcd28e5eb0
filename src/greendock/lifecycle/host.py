"""What running a component uses of the core and the machine, in one value.

The supervisor fills it once; scripts.py and component.py read it. No logic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from greendock.base.clock import Clock
from greendock.base.events import Bus
from greendock.base.logs import ComponentLogs
from greendock.base.paths import Paths
from greendock.lifecycle.cgroups import ControlGroups
from greendock.lifecycle.ports import (
    Containers,
    CorePart,
    Identities,
    OwnedContainers,
    RunSettings,
    Surroundings,
)
from greendock.lifecycle.users import Users


@dataclass(frozen=True, slots=True)
class Host:
    """`grace_s`: between SIGTERM and SIGKILL. `jitter`: a random number in [0, 1) per call.

    `parts`: what built-in components stand for, by component.
    """

    core_id: str
    paths: Paths
    bus: Bus
    clock: Clock
    logs: ComponentLogs
    settings: RunSettings
    identities: Identities
    surroundings: Surroundings
    users: Users
    groups: ControlGroups
    environment: Mapping[str, str]
    grace_s: float
    jitter: Callable[[], float]
    containers: Containers | None = None
    owned: OwnedContainers | None = None
    parts: Mapping[str, CorePart] = field(default_factory=dict)
