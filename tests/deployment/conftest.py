"""A deployment service on fakes of its ports: plain classes that remember what was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from greendock.artifacts.staging import Owner, Staging
from greendock.base.clock import SystemClock
from greendock.base.database import Database
from greendock.base.errors import ConfigurationError
from greendock.base.events import Bus
from greendock.base.paths import Paths
from greendock.deployment.apply import Applier
from greendock.deployment.builtins import built_ins
from greendock.deployment.chosen import Surroundings
from greendock.deployment.device_state import DeviceState, DeviceStateStore
from greendock.deployment.document import LocalRequest
from greendock.deployment.executor import Executor
from greendock.deployment.record import DeploymentChanged, DeploymentRecord
from greendock.deployment.records import DeploymentRecords
from greendock.deployment.service import DeploymentService
from greendock.deployment.target import Device
from greendock.docker.model import EnsuredImage, ImageRequest, ProgressListener
from greendock.lifecycle.model import ComponentSpec, ComponentView, State

RECIPE = """
RecipeFormatVersion: "2020-01-25"
ComponentName: {name}
ComponentVersion: {version}
ComponentConfiguration:
  DefaultConfiguration:
    message: hello
ComponentDependencies: {dependencies}
Manifests:
  - Lifecycle:
      Run: "echo {{configuration:/message}}"
    Artifacts: {artifacts}
"""


def recipe_text(
    name: str = "com.example.App",
    version: str = "1.0.0",
    dependencies: Mapping[str, str] | None = None,
    images: Sequence[str] = (),
) -> str:
    needed = {name: {"VersionRequirement": text} for name, text in (dependencies or {}).items()}
    artifacts = [{"URI": f"docker:{image}"} for image in images]
    return RECIPE.format(
        name=name, version=version, dependencies=needed or "{}", artifacts=artifacts
    )


@dataclass
class FakeImages:
    """Has every image at once, unless told to wait (`hold`) or to fail."""

    asked: list[str] = field(default_factory=list)
    error: Exception | None = None
    hold: asyncio.Event | None = None

    async def ensure(
        self, requests: Sequence[ImageRequest], listener: ProgressListener
    ) -> list[EnsuredImage]:
        self.asked += [request.uri for request in requests]
        if self.hold is not None:
            await self.hold.wait()
        if self.error is not None:
            raise self.error
        return [EnsuredImage(request.uri, "sha256:1", None, True) for request in requests]


@dataclass
class FakeRunner:
    """Runs nothing; `broken` names components that end up BROKEN."""

    running: dict[str, ComponentSpec] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    removed: list[str] = field(default_factory=list)
    hold: asyncio.Event | None = None

    def update(self, specs: Mapping[str, ComponentSpec]) -> frozenset[str]:
        touched = {name for name, spec in specs.items() if self.running.get(name) != spec}
        self.running |= specs
        return frozenset(touched)

    async def wait_settled(
        self, names: Iterable[str], deadline_s: float
    ) -> Mapping[str, ComponentView]:
        if self.hold is not None:
            await self.hold.wait()
        return {name: self._view(name) for name in names}

    def _view(self, name: str) -> ComponentView:
        spec = self.running[name]
        bad = f"{name} {spec.version}" in self.broken
        state, code = (State.BROKEN, "RUN_ERROR") if bad else (State.RUNNING, "NONE")
        return ComponentView(name, spec.version, state, code, "exit code 1", {}, 0, None)

    async def remove(self, names: Iterable[str]) -> None:
        for name in names:
            self.running.pop(name, None)
            self.removed.append(name)


@dataclass
class FakeCore:
    """A core on the given paths, on linux and amd64."""

    paths: Paths
    deadline_s: float = 30
    committed_states: list[DeviceState] = field(default_factory=list)
    faulty_settings: bool = False

    def surroundings(self) -> Surroundings:
        return Surroundings(
            Device(self.paths, "thing", False),
            {"os": "linux", "architecture": "amd64"},
            built_ins("2.18.0"),
            {},
        )

    async def owner_of(self, spec: ComponentSpec) -> Owner | None:
        return None

    def check(self, state: DeviceState) -> None:
        if self.faulty_settings:
            raise ConfigurationError("cannot use logging.format")

    def committed(self, state: DeviceState) -> None:
        self.committed_states.append(state)


class Bench:
    """One device with its service; `restart` builds the service anew on the same store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = Paths(folder / "root")
        self.paths.create()
        self.images = FakeImages()
        self.runner = FakeRunner()
        self.core = FakeCore(self.paths)
        self.bus = Bus()
        self.news: list[DeploymentRecord] = []
        self.bus.listen(lambda event: self.news.append(event.record), DeploymentChanged)
        self.recovered: list[bool] = []
        self.abandoned: list[DeploymentService] = []
        self._open()

    def _open(self) -> None:
        self.database = Database(self.paths.database)
        self.service = DeploymentService(
            DeploymentRecords(self.database),
            DeviceStateStore(self.database),
            self.bus,
            SystemClock(),
        )
        self.service.recover(self.recovered.append)
        self.service.start({}, self._executor)

    def _executor(self, commit: Callable[..., None]) -> Executor:
        staging = Staging(self.paths)
        applier = Applier(self.runner, staging, self.core, commit)
        return Executor(self.images, staging, self.core, SystemClock(), applier)

    def recipe(self, **what: Any) -> Path:
        path = self.folder / f"{what.get('name', 'app')}-{what.get('version', '1.0.0')}.yaml"
        path.write_text(recipe_text(**what))
        return path

    async def deploy(self, request: LocalRequest) -> DeploymentRecord:
        return await self.ended(self.service.submit(request))

    async def ended(self, deployment_id: str) -> DeploymentRecord:
        async with asyncio.timeout(20):
            while True:
                record = self.service.get(deployment_id)
                if record is not None and record.status.is_final:
                    return record
                await asyncio.sleep(0.005)

    def restart(self) -> None:
        """A new core on what the old one has stored by now; the old one is just let go of."""
        self.abandoned.append(self.service)
        self.images = FakeImages()
        self.runner = FakeRunner()
        self._open()

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.paths.root).as_posix(): path.read_bytes()
            for path in (self.paths.root / "packages").rglob("*")
            if path.is_file()
        }


Scenario = Callable[[Bench], Coroutine[Any, Any, None]]


@pytest.fixture
def on_device(tmp_path: Path) -> Callable[[Scenario], None]:
    """Runs a scenario on a fresh device, on an event loop of its own."""

    async def run(scenario: Scenario) -> None:
        bench = Bench(tmp_path)
        async with asyncio.timeout(30):
            await scenario(bench)
        await bench.service.stop()
        bench.database.close()

    return lambda scenario: asyncio.run(run(scenario))
