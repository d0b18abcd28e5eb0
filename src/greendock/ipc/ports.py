"""What the IPC operations need from the core; `daemon.py` fills these.

News of deployments and components does not come through here but from the bus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from greendock.base.events import Bus
from greendock.deployment.document import LocalRequest
from greendock.deployment.record import DeploymentRecord
from greendock.lifecycle.model import ComponentView


class Deployments(Protocol):
    """Local deployments. The store behind it bounds how many are kept."""

    def submit(self, request: LocalRequest) -> str:
        """Queue it and return its id, a UUID. UsageError when it can't be carried out."""

    def get(self, deployment_id: str) -> DeploymentRecord | None: ...

    def all(self) -> Sequence[DeploymentRecord]:
        """All that are kept, the newest last."""

    async def cancel(self, deployment_id: str) -> str:
        """Ask for the end of a known deployment; a text for people, also when it is over."""


class Components(Protocol):
    """The components of this core, in dependency order."""

    def views(self) -> Sequence[ComponentView]: ...

    def view(self, name: str) -> ComponentView | None: ...

    def restart(self, name: str) -> None:
        """Accept the request and return; UsageError when the component can't be restarted."""

    def stop(self, name: str) -> None:
        """Accept the request and return; UsageError when the component can't be stopped."""


@dataclass(frozen=True, slots=True)
class EngineView:
    """The Docker engine as last seen. `state` is a word for people, such as `reachable`."""

    address: str
    state: str
    version: str | None = None
    api_version: str | None = None


@dataclass(frozen=True, slots=True)
class CoreView:
    """This core. `started_at` is seconds since the epoch; `engine` None: none was needed yet."""

    version: str
    root: Path
    pid: int
    started_at: float
    engine: EngineView | None = None


class CoreStatus(Protocol):
    def status(self) -> CoreView: ...


@dataclass(frozen=True, slots=True)
class CorePorts:
    """Everything that the operations reach. `access_policies` gives the `accessControl` of a
    component's configuration as it stands there (object, JSON text or None), read at each call.
    `store` is the folder of the core's packages, which no artifact folder may contain."""

    bus: Bus
    deployments: Deployments
    components: Components
    core: CoreStatus
    access_policies: Callable[[str], Any]
    store: Path
