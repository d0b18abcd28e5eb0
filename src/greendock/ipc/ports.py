"""What the IPC operations need from the core; `daemon.py` fills these.

News of deployments and components does not come through here but from the bus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from greendock.base.events import Bus
from greendock.deployment.bundle_source import BundleDescription
from greendock.deployment.document import LocalRequest
from greendock.deployment.record import DeploymentRecord
from greendock.docker.containers.view import ContainersView
from greendock.ipc.operations.component_updates import ComponentUpdates
from greendock.ipc.operations.configuration_validity import ConfigurationValidity
from greendock.ipc.operations.secrets import Secrets
from greendock.ipc.operations.shadows import Shadows
from greendock.ipc.pubsub.broker import LocalPubSub
from greendock.lifecycle.model import ComponentView, State
from greendock.net.mqtt import MqttMessage

if TYPE_CHECKING:
    from greendock.ipc.operations.configuration import Configurations
    from greendock.ipc.operations.system import SystemPorts


class Deployments(Protocol):
    """Local deployments. The store behind it bounds how many are kept."""

    def submit(self, request: LocalRequest) -> str:
        """Queue it and return its id, a UUID. UsageError when it can't be carried out."""

    def get(self, deployment_id: str) -> DeploymentRecord | None: ...

    def all(self) -> Sequence[DeploymentRecord]:
        """All that are kept, the newest last."""

    async def supersede(self, by: str) -> list[str]:
        """Cancel every other deployment that has not begun to change anything, so that `by` goes
        ahead; the ids of those that were cancelled."""

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


class ComponentPauses(Protocol):
    """Holding components still. Each returns when it is done."""

    async def pause(self, name: str) -> None:
        """UsageError when the component isn't RUNNING or is part of the core, GreendockError when
        it can't be done; it runs on then."""

    async def resume(self, name: str) -> None:
        """UsageError when the component isn't paused, GreendockError when it can't be done; it
        stays paused then."""


class StateReports(Protocol):
    """Who hears what components say of their own state."""

    def request_state(self, component: str, state: State) -> None:
        """Takes in that `component` is RUNNING or ERRORED; what may not be said now is dropped."""


class ContainerViews(Protocol):
    """The containers of components, as far as they are known; costs nothing."""

    def of(self, component: str) -> ContainersView | None:
        """None for a component that has nothing to do with containers."""


@dataclass(frozen=True, slots=True)
class ComponentUsage:
    """What a component uses, its processes and containers together. `cpu_s`: seconds of one CPU
    since they began. `memory_bytes` None: not measured. Limits hold for its processes together,
    and for its containers together; None: no limit. `missing`: what could not be measured, and
    why; None when all is in it."""

    cpu_s: float
    memory_bytes: int | None
    processes: int
    containers: int
    container_restarts: int = 0
    memory_limit_bytes: int | None = None
    cpu_limit: float | None = None
    missing: str | None = None


class ComponentStats(Protocol):
    """What components use now. Raises nothing: what can't be measured is told."""

    async def measure(self, names: Sequence[str]) -> Mapping[str, ComponentUsage]:
        """By component; those that are gone by now are not in it."""


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


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image of the engine. `since` is seconds since the epoch; `why`: why it is kept, or that
    nothing needs it."""

    image_id: str
    names: tuple[str, ...]
    size_bytes: int
    needed_by: tuple[str, ...]
    is_ours: bool
    since: float | None
    why: str
    would_go: bool


@dataclass(frozen=True, slots=True)
class PruneResult:
    """What was removed, or would be, and what stays."""

    removed: tuple[ImageRow, ...]
    kept: tuple[ImageRow, ...]
    freed_bytes: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImageExplanation:
    """What this device knows of an image. `present` None: the engine can't be asked."""

    present: bool | None
    image_id: str | None
    credentials: str


class ImageWork(Protocol):
    """The images of this core's engine. Raises GreendockError when the engine can't be asked."""

    async def list(self) -> Sequence[ImageRow]: ...

    async def prune(self, *, dry_run: bool) -> PruneResult: ...

    async def explain(self, uri: str) -> ImageExplanation:
        """ImageReferenceError for what is no image's URI."""


class CoreStatus(Protocol):
    def status(self) -> CoreView: ...


class BundleSource(Protocol):
    """What a bundle of this device holds."""

    def describe(self, names: Sequence[str]) -> BundleDescription:
        """Of the named components, or of all roots. UsageError for what isn't deployed."""


@dataclass(frozen=True, slots=True)
class BundledImageName:
    """An image that a bundle brought: `image_id` is what the recipes' `uri` means from now on.

    `reference`: in Docker's short form. `digest`: the registry's, which the engine can't know.
    `is_loaded`: it was not on the device before.
    """

    uri: str
    reference: str
    image_id: str
    digest: str | None
    is_loaded: bool


class BundleImages(Protocol):
    """The record of images that came from bundles."""

    def register(self, images: Sequence[BundledImageName]) -> None:
        """Remember them durably. Blocks on the disk; DeviceError."""


class IotCore(Protocol):
    """Messages to and from AWS IoT Core or the broker that stands in for it.

    All raise GreendockError, MqttRefused where the broker said no.
    """

    @property
    def is_connected(self) -> bool: ...

    async def publish(self, message: MqttMessage) -> None:
        """Returns when the message is safe in the spooler."""

    async def subscribe(
        self, topic_filter: str, qos: int, deliver: Callable[[MqttMessage], None]
    ) -> Callable[[], None]:
        """Returns when the broker has agreed, with what ends the subscription. `deliver` may be
        called before that."""

    async def watch(self, changed: Callable[[bool], None]) -> Callable[[], None]:
        """Call `changed` when the connection comes (True) or goes, until the returned function is
        called."""


@dataclass(frozen=True, slots=True)
class CorePorts:
    """Everything that the operations reach. `access_policies` gives the `accessControl` of a
    component's configuration as it stands there (object, JSON text or None), read at each call; a
    value that it gave is never changed in place. `pubsub` is there for who publishes too.
    `store` is the folder of the core's packages, which no artifact folder may contain."""

    bus: Bus
    deployments: Deployments
    components: Components
    core: CoreStatus
    access_policies: Callable[[str], Any]
    store: Path
    images: ImageWork | None = None
    containers: ContainerViews | None = None
    stats: ComponentStats | None = None
    bundles: BundleSource | None = None
    bundle_images: BundleImages | None = None
    component_updates: ComponentUpdates | None = None
    configuration_checks: ConfigurationValidity | None = None
    shadows: Shadows | None = None
    secrets: Secrets | None = None
    iot_core: IotCore | None = None
    pauses: ComponentPauses | None = None
    configurations: Configurations | None = None
    state_reports: StateReports | None = None
    system: SystemPorts | None = None
    pubsub: LocalPubSub = field(default_factory=LocalPubSub)
