"""A running IPC server with a root folder around it, over plain fakes of the core.

The command line under test talks to the real server; what the core would know is set by tests.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from greendock.base.clock import SystemClock
from greendock.base.database import Database
from greendock.base.errors import UsageError
from greendock.base.events import Bus
from greendock.config.secret_settings import SecretEntry
from greendock.deployment.document import LocalRequest
from greendock.deployment.record import (
    DeploymentChanged,
    DeploymentRecord,
    DetailedStatus,
    ImageProgressed,
    Phase,
    Status,
)
from greendock.docker.containers.view import ContainersView
from greendock.ipc.cli_info import write_cli_info
from greendock.ipc.component_metrics import ComponentMetrics
from greendock.ipc.debug_passwords import DebugPasswords
from greendock.ipc.operations.system import SystemPorts
from greendock.ipc.ports import (
    ComponentUsage,
    CorePorts,
    CoreView,
    ImageExplanation,
    ImageRow,
    PruneResult,
)
from greendock.ipc.pubsub.broker import LocalPubSub
from greendock.ipc.server import IpcServer
from greendock.ipc.tokens import Tokens
from greendock.lifecycle.model import ComponentView, State
from greendock.net.mqtt import MqttMessage
from greendock.secrets.local import LocalSecrets
from greendock.secrets.service import SecretService
from greendock.shadows.ports import ShadowLimits
from greendock.shadows.service import ShadowService
from greendock.shadows.store import ShadowStore
from greendock.shadows.store_thread import StoreThread

DEADLINE_S = 20.0
DEPLOYMENT_ID = "11111111-2222-4333-8444-555555555555"
CREATED_AT = 1700000000.0


def record(status: Status = Status.IN_PROGRESS, phase: Phase = Phase.RESOLVING, **more: Any):
    return DeploymentRecord(DEPLOYMENT_ID, CREATED_AT, status, phase, **more)


class FakeDeployments:
    def __init__(self) -> None:
        self.records: dict[str, DeploymentRecord] = {}
        self.requests: list[LocalRequest] = []
        self.superseded: list[str] = []

    async def supersede(self, by: str) -> list[str]:
        self.superseded.append(by)
        return []

    def submit(self, request: LocalRequest) -> str:
        self.requests.append(request)
        self.records[DEPLOYMENT_ID] = record(Status.QUEUED, Phase.QUEUED)
        return DEPLOYMENT_ID

    def get(self, deployment_id: str) -> DeploymentRecord | None:
        return self.records.get(deployment_id)

    def all(self) -> list[DeploymentRecord]:
        return list(self.records.values())

    async def cancel(self, deployment_id: str) -> str:
        return f"Cancel request submitted. Deployment ID: {deployment_id}"


class FakeComponents:
    def __init__(self) -> None:
        self.known: dict[str, ComponentView] = {}
        self.fixed: set[str] = set()
        self.asked: list[tuple[str, str]] = []

    def add(self, name: str, configuration: Any = None, **more: Any) -> None:
        given = {"status_code": "NONE", "status_reason": "", "restarts": 0, "pid": None, **more}
        self.known[name] = ComponentView(
            name, "1.0.0", State.RUNNING, configuration=configuration or {}, **given
        )

    def views(self) -> list[ComponentView]:
        return list(self.known.values())

    def view(self, name: str) -> ComponentView | None:
        return self.known.get(name)

    def restart(self, name: str) -> None:
        self._ask("restart", name)

    def stop(self, name: str) -> None:
        self._ask("stop", name)

    async def pause(self, name: str) -> None:
        self._ask("pause", name)

    async def resume(self, name: str) -> None:
        self._ask("resume", name)

    def _ask(self, action: str, name: str) -> None:
        if name in self.fixed:
            raise UsageError(f"cannot {action} {name}: it is part of the core")
        self.asked.append((action, name))


def image_row(image_id: str, *names: str, **more: Any) -> ImageRow:
    values: dict[str, Any] = {
        "size_bytes": 2_000_000,
        "needed_by": (),
        "is_ours": True,
        "since": CREATED_AT,
        "why": "nothing needs it",
        "would_go": True,
        **more,
    }
    return ImageRow(image_id, names, **values)


class FakeContainers:
    """Containers and use of components that a test sets."""

    def __init__(self) -> None:
        self.known: dict[str, ContainersView] = {}
        self.looks: list[dict[str, ComponentUsage]] = []
        self.asked: list[tuple[str, ...]] = []

    def of(self, component: str) -> ContainersView | None:
        return self.known.get(component)

    async def measure(self, names: Sequence[str]) -> dict[str, ComponentUsage]:
        """One look after the other; the last one again and again."""
        self.asked.append(tuple(names))
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


class FakeImages:
    """Images that a test sets."""

    def __init__(self) -> None:
        self.rows: list[ImageRow] = []
        self.pruned: list[bool] = []
        self.explained: list[str] = []
        self.warnings: tuple[str, ...] = ()

    async def list(self) -> list[ImageRow]:
        return self.rows

    async def prune(self, *, dry_run: bool) -> PruneResult:
        self.pruned.append(dry_run)
        going = tuple(row for row in self.rows if row.would_go)
        kept = tuple(row for row in self.rows if not row.would_go)
        return PruneResult(going, kept, sum(row.size_bytes for row in going), self.warnings)

    async def explain(self, uri: str) -> ImageExplanation:
        self.explained.append(uri)
        return ImageExplanation(True, "sha256:" + "a" * 64, "password file /etc/secret")


class FakeIotCore:
    """A broker of exact topics. `failure`: what every request ends with."""

    is_connected = True

    def __init__(self) -> None:
        self.published: list[MqttMessage] = []
        self.subscribed: list[tuple[str, int]] = []
        self.failure: Exception | None = None
        self._listeners: list[tuple[str, Callable[[MqttMessage], None]]] = []

    async def publish(self, message: MqttMessage) -> None:
        if self.failure is not None:
            raise self.failure
        self.published.append(message)
        for topic, deliver in self._listeners:
            if topic == message.topic:
                deliver(message)

    async def subscribe(
        self, topic_filter: str, qos: int, deliver: Callable[[MqttMessage], None]
    ) -> Callable[[], None]:
        if self.failure is not None:
            raise self.failure
        listener = (topic_filter, deliver)
        self.subscribed.append((topic_filter, qos))
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def watch(self, changed: Callable[[bool], None]) -> Callable[[], None]:
        return lambda: None


class FakeCore:
    def status(self) -> CoreView:
        return CoreView("0.1.0", Path("/greengrass/v2"), 99, CREATED_AT)


class ScriptedBus(Bus):
    """Plays `script` once somebody follows: events are published, functions called."""

    def __init__(self) -> None:
        super().__init__()
        self.script: list[Any] = []
        self.tasks: list[asyncio.Future[Any]] = []
        self.script_started = False

    def listen(self, listener: Callable[[Any], None], *types: type) -> Callable[[], None]:
        if ImageProgressed in types:
            asyncio.get_running_loop().call_soon(self._play)
        return super().listen(listener, *types)

    def _play(self) -> None:
        self.script_started = True
        for step in self.script:
            if callable(step):
                self.tasks.append(asyncio.ensure_future(step()))
            else:
                self.publish(step)


class RunningCore:
    """A root folder with a server behind it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bus = ScriptedBus()
        self.deployments = FakeDeployments()
        self.components = FakeComponents()
        self.images = FakeImages()
        self.containers = FakeContainers()
        self.secrets: dict[str, SecretEntry] = {}
        self.environ: dict[str, str] = {}
        self.tokens = Tokens()
        self.iot_core = FakeIotCore()
        self.pubsub = LocalPubSub()
        self.passwords = DebugPasswords(SystemClock())
        for folder in ("cli_ipc_info", "packages", "logs"):
            (root / folder).mkdir(parents=True)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        ports = CorePorts(
            self.bus,
            self.deployments,
            self.components,
            FakeCore(),
            lambda _: None,
            root / "packages",
            images=self.images,
            containers=self.containers,
            stats=self.containers,
            pauses=self.components,
        )
        self.server = self.on_loop(self._start(ports))
        write_cli_info(root / "cli_ipc_info", root / "ipc.socket", self.tokens)
        self._stopped = False

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    async def _start(self, ports: CorePorts) -> IpcServer:
        limits = ShadowLimits(requests_per_thing=1000, requests_in_total=1000)
        store = StoreThread(lambda: ShadowStore(Database(":memory:")))
        local = LocalSecrets(lambda: self.secrets, lambda: "us-east-1", self.environ)
        self.shadows = ShadowService(store, SystemClock(), lambda: limits)
        ports = dataclasses.replace(
            ports,
            shadows=self.shadows,
            secrets=SecretService([local]),
            iot_core=self.iot_core,
            pubsub=self.pubsub,
            system=SystemPorts(
                self.passwords, ComponentMetrics(SystemClock()), lambda token: False
            ),
        )
        server = IpcServer(self.root / "ipc.socket", self.tokens, ports)
        await server.start()
        return server

    def on_loop(self, awaitable: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(awaitable, self.loop).result(DEADLINE_S)

    def ends(self, status: Status = Status.SUCCEEDED, **more: Any) -> DeploymentChanged:
        """The last event of a deployment."""
        detailed = more.pop("detailed", DetailedStatus.SUCCESSFUL)
        return DeploymentChanged(record(status, Phase.DONE, detailed=detailed, **more))

    async def go_away(self) -> None:
        self._stopped = True
        await self.server.stop(deadline_s=1)
        await self.shadows.close()

    def close(self) -> None:
        if not self._stopped:
            self.on_loop(self.go_away())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(DEADLINE_S)


@pytest.fixture
def core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningCore]:
    """A core that the environment names."""
    running = RunningCore(tmp_path / "root")
    monkeypatch.setenv("GGC_ROOT_PATH", str(running.root))
    yield running
    running.close()


@pytest.fixture
def deployment_record() -> Callable[..., DeploymentRecord]:
    """Makes records of the one deployment that the core has."""
    return record


@pytest.fixture
def row() -> Callable[..., ImageRow]:
    """Makes rows of `image list`."""
    return image_row


class Program:
    """The command line as a process of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *argv: str, **options: Any) -> subprocess.Popen[bytes]:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        process = subprocess.Popen(
            [sys.executable, "-m", "greendock", *argv],
            env={**os.environ, **self._environment},
            **streams,
        )
        self._started.append(process)
        return process

    def run(self, *argv: str, python: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *python, "-m", "greendock", *argv],
            env={**os.environ, **self._environment},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=DEADLINE_S)


@pytest.fixture
def program() -> Iterator[Program]:
    program = Program({"COLUMNS": "100", "TERM": "xterm"})
    yield program
    program.end()


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits until a condition holds, with a deadline."""

    def wait(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end, "the condition did not come true"
            time.sleep(0.01)

    return wait


RECIPE = """\
RecipeFormatVersion: 2020-01-25
ComponentName: {name}
ComponentVersion: {version}
Manifests:
  - Platform: {{os: all}}
    Lifecycle:
      Run: {script}
"""


@pytest.fixture
def write_recipe() -> Callable[..., Path]:
    """Writes a recipe: `write_recipe(path, name, version="1.0.0", script="true")`."""

    def write(path: Path, name: str, version: str = "1.0.0", script: str = "'true'") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(RECIPE.format(name=name, version=version, script=script))
        return path

    return write
