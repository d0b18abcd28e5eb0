"""A running IPC server over plain fakes of the core, and two kinds of clients for it.

The server runs on an event loop in a thread of its own, since the official client blocks.
"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from configuration_fakes import FakeConfigurations, FakeReports, FakeSystem
from raw_client import RawClient

from greendock.base.clock import SystemClock
from greendock.base.database import Database
from greendock.base.errors import UsageError
from greendock.base.events import Bus
from greendock.config.secret_settings import SecretEntry
from greendock.deployment.consent import ComponentConsent
from greendock.deployment.document import LocalRequest
from greendock.deployment.record import DeploymentRecord, Phase, Status
from greendock.ipc.connection import Limits
from greendock.ipc.ports import CorePorts, CoreView, EngineView
from greendock.ipc.pubsub.broker import LocalPubSub
from greendock.ipc.server import IpcServer
from greendock.ipc.tokens import Tokens
from greendock.lifecycle.model import ComponentView, State
from greendock.secrets.local import LocalSecrets
from greendock.secrets.service import SecretService
from greendock.shadows.ports import ShadowLimits
from greendock.shadows.service import ShadowService
from greendock.shadows.store import ShadowStore
from greendock.shadows.store_thread import StoreThread

if TYPE_CHECKING:
    from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

DEADLINE_S = 10.0
DEPLOYMENT_ID = "11111111-2222-4333-8444-555555555555"


class FakeDeployments:
    """Keeps what is submitted; a test may put records into `records`."""

    def __init__(self) -> None:
        self.records: dict[str, DeploymentRecord] = {}
        self.requests: list[LocalRequest] = []
        self.refusal: Exception | None = None
        self.cancelled: list[str] = []
        self.hold_cancel = False
        self.cancel_interrupted = False

    def submit(self, request: LocalRequest) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.requests.append(request)
        self.records[DEPLOYMENT_ID] = DeploymentRecord(
            DEPLOYMENT_ID, 1700000000.0, Status.QUEUED, Phase.QUEUED
        )
        return DEPLOYMENT_ID

    def get(self, deployment_id: str) -> DeploymentRecord | None:
        return self.records.get(deployment_id)

    def all(self) -> list[DeploymentRecord]:
        return list(self.records.values())

    async def supersede(self, by: str) -> list[str]:
        return [known for known in self.records if known != by]

    async def cancel(self, deployment_id: str) -> str:
        self.cancelled.append(deployment_id)
        if self.hold_cancel:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancel_interrupted = True
                raise
        return f"Cancel request submitted. Deployment ID: {deployment_id}"


class FakeComponents:
    def __init__(self) -> None:
        self.known: dict[str, ComponentView] = {}
        self.fixed: set[str] = set()
        self.restarted: list[str] = []
        self.stopped: list[str] = []
        self.failure: Exception | None = None

    def add(self, name: str, state: State = State.RUNNING, **configuration: Any) -> None:
        self.known[name] = ComponentView(
            name, "1.0.0", state, "NONE", "all is well", configuration, 2, 4711
        )

    def views(self) -> list[ComponentView]:
        if self.failure is not None:
            raise self.failure
        return list(self.known.values())

    def view(self, name: str) -> ComponentView | None:
        return self.known.get(name)

    def restart(self, name: str) -> None:
        if name in self.fixed:
            raise UsageError(f"cannot restart {name}: it is part of the core")
        self.restarted.append(name)

    def stop(self, name: str) -> None:
        if name in self.fixed:
            raise UsageError(f"cannot stop {name}: it is part of the core")
        self.stopped.append(name)


class FakeCore:
    def __init__(self) -> None:
        self.engine: EngineView | None = EngineView("unix:///run/docker.sock", "reachable", "28.2")

    def status(self) -> CoreView:
        return CoreView("0.1.0", Path("/greengrass/v2"), 99, 1700000000.5, self.engine)


class StoppedClock:
    """Shows the time that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1700000000.75

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class FakePublisher:
    """Keeps what is published: topic and what its binary message holds."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.publishers: set[str] = set()
        self.failure: Exception | None = None

    def publish(self, publisher: str, topic: str, message: Mapping[str, Any]) -> int:
        if self.failure is not None:
            raise self.failure
        self.publishers.add(publisher)
        text = base64.b64decode(message["binaryMessage"]["message"], validate=True)
        self.told.append((topic, json.loads(text)))
        return 1

    @property
    def topics(self) -> list[str]:
        return [topic for topic, _ in self.told]


@dataclass
class Served:
    """One running server. `policies` maps a component to its accessControl; `more` are further
    members of CorePorts."""

    folder: Path
    limits: Limits = field(default_factory=Limits)
    tokens: Tokens = field(default_factory=Tokens)
    bus: Bus = field(default_factory=Bus)
    deployments: FakeDeployments = field(default_factory=FakeDeployments)
    components: FakeComponents = field(default_factory=FakeComponents)
    core: FakeCore = field(default_factory=FakeCore)
    policies: dict[str, Any] = field(default_factory=dict)
    consent: ComponentConsent = field(default_factory=lambda: ComponentConsent(SystemClock()))
    clock: StoppedClock = field(default_factory=StoppedClock)
    publisher: FakePublisher = field(default_factory=FakePublisher)
    shadow_limits: ShadowLimits = field(default_factory=ShadowLimits)
    secrets: dict[str, SecretEntry] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    has_stores: bool = True
    iot_core: Any = None
    more: dict[str, Any] = field(default_factory=dict)
    pubsub: LocalPubSub = field(default_factory=LocalPubSub)
    stopped: bool = False

    def __post_init__(self) -> None:
        self.socket_path = self.folder / "ipc.socket"
        self.store = self.folder / "packages"
        self.store.mkdir()
        self.configurations = FakeConfigurations(self.bus)
        self.reports = FakeReports()
        self.system = FakeSystem(self.tokens)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        self.server = self.call(self._make)
        self.wait_for(self.server.start())

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def _make(self) -> IpcServer:
        ports = CorePorts(
            self.bus,
            self.deployments,
            self.components,
            self.core,
            self.policies.get,
            self.store,
            component_updates=self.consent.updates,
            configuration_checks=self.consent.checks,
            shadows=self._shadows() if self.has_stores else None,
            secrets=self._secrets() if self.has_stores else None,
            iot_core=self.iot_core,
            configurations=self.configurations,
            state_reports=self.reports,
            system=self.system.ports,
            **self.more,
            pubsub=self.pubsub,
        )
        return IpcServer(self.socket_path, self.tokens, ports, self.limits)

    def _shadows(self) -> ShadowService:
        store = StoreThread(lambda: ShadowStore(Database(":memory:")))
        self.shadows = ShadowService(store, self.clock, lambda: self.shadow_limits, self.publisher)
        return self.shadows

    def _secrets(self) -> SecretService:
        return SecretService(
            [LocalSecrets(lambda: self.secrets, lambda: "eu-central-1", self.environ)]
        )

    def call(self, function: Callable[[], Any]) -> Any:
        """Run `function` on the server's loop and give its result."""

        async def run() -> Any:
            return function()

        return self.wait_for(run())

    def wait_for(self, awaitable: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(awaitable, self.loop).result(DEADLINE_S)

    def publish(self, *events: object) -> None:
        for event in events:
            self.call(lambda event=event: self.bus.publish(event))

    def listener_count(self) -> int:
        """How many listen on the bus."""
        return self.call(lambda: sum(len(found) for found in self.bus._listeners.values()))

    def client_token(self) -> str:
        return self.call(lambda: self.tokens.issue_client("user-0"))

    def component_token(self, name: str, generation: int = 1) -> str:
        return self.call(lambda: self.tokens.issue(name, generation))

    def stop(self) -> None:
        if not self.stopped:
            self.stopped = True
            self.wait_for(self.server.stop())
            if self.has_stores:
                self.wait_for(self.shadows.close())

    def close(self) -> None:
        self.stop()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(DEADLINE_S)


@pytest.fixture
def core_ports(tmp_path: Path) -> Callable[..., CorePorts]:
    """Ports over fakes, for a server without a thread: `core_ports(access_policies, *names)`, of a
    core with components of these names."""

    def make(access_policies: Callable[[str], Any], *names: str) -> CorePorts:
        components, bus, consent = FakeComponents(), Bus(), ComponentConsent(StoppedClock())
        configurations = FakeConfigurations(bus)
        for name in names:
            components.add(name, key="value")
            configurations.set(name, {"key": "value", "deep": {"leaf": 1}})
        return CorePorts(
            bus,
            FakeDeployments(),
            components,
            FakeCore(),
            access_policies,
            tmp_path / "none",
            component_updates=consent.updates,
            configuration_checks=consent.checks,
            secrets=SecretService([LocalSecrets(dict, lambda: "eu-central-1", {})]),
            configurations=configurations,
            state_reports=FakeReports(),
            system=FakeSystem(Tokens()).ports,
        )

    return make


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts servers: `serve(**limits)`, with parts of the core by their names."""
    running: list[Served] = []

    names = {limit.name for limit in fields(Limits)}

    def start(**given: Any) -> Served:
        folder = tmp_path / f"core-{len(running)}"
        folder.mkdir()
        limits = {name: value for name, value in given.items() if name in names}
        parts = {name: value for name, value in given.items() if name not in names}
        running.append(Served(folder, Limits(**limits), **parts))
        return running[-1]

    yield start
    for served in running:
        served.close()


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    return serve()


@pytest.fixture
def raw() -> Iterator[Callable[..., RawClient]]:
    """Opens plain connections: `raw(served)`, already greeted with `raw(served, token)`."""
    clients: list[RawClient] = []

    def connect(served: Served, token: str | None = None) -> RawClient:
        clients.append(RawClient(served.socket_path))
        return clients[-1] if token is None else clients[-1].greet(token)

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., GreengrassCoreIPCClientV2]]:
    """Opens the official client, unmodified: `connect(served, token)`."""
    import awsiot.greengrasscoreipc
    from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

    clients: list[GreengrassCoreIPCClientV2] = []

    def open_client(served: Served, token: str) -> GreengrassCoreIPCClientV2:
        connection = awsiot.greengrasscoreipc.connect(
            ipc_socket=str(served.socket_path), authtoken=token
        )
        clients.append(GreengrassCoreIPCClientV2(connection, executor=None))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close().exception(DEADLINE_S)


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits until a condition holds, with a deadline."""

    def wait(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end, "the condition did not come true"
            time.sleep(0.005)

    return wait


@pytest.fixture
def deployment_id() -> str:
    return DEPLOYMENT_ID
