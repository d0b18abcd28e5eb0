"""A deployment service on fakes of its ports: plain classes that remember what was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from greendock.artifacts.model import ComponentFiles, DownloadPlan, Owner
from greendock.artifacts.ports import DownloadListener
from greendock.artifacts.staging import Staging
from greendock.base.clock import SystemClock
from greendock.base.database import Database
from greendock.base.errors import ConfigurationError, LifecycleError
from greendock.base.events import Bus
from greendock.base.paths import Paths
from greendock.deployment.apply import Applier, Store
from greendock.deployment.builtins import built_ins
from greendock.deployment.chosen import Surroundings
from greendock.deployment.consent import ComponentConsent
from greendock.deployment.device_state import DeviceState, DeviceStateStore
from greendock.deployment.document import LocalRequest
from greendock.deployment.executor import Executor, Limits
from greendock.deployment.prepare import Preparation, Sources
from greendock.deployment.recipe_store import RecipeStore
from greendock.deployment.record import DeploymentChanged, DeploymentRecord
from greendock.deployment.records import DeploymentRecords
from greendock.deployment.restart import restored
from greendock.deployment.service import DeploymentService
from greendock.deployment.target import Device
from greendock.docker.model import (
    EnsuredImage,
    ImageProgress,
    ImageRequest,
    LoadableArchive,
    ProgressListener,
)
from greendock.lifecycle.model import ComponentSpec, ComponentView, RunWith, State
from greendock.lifecycle.soak import Soaking
from greendock.recipe.model import Step

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
    image_id: str = "sha256:1"

    news: list[ImageProgress] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    in_place: list[str] = field(default_factory=list)
    settled: list[tuple[list[str], bool]] = field(default_factory=list)
    place_error: Exception | None = None

    async def look(
        self, requests: Sequence[ImageRequest], listener: ProgressListener, *, offline: bool
    ) -> Sequence[ImageRequest]:
        self.asked += [request.uri for request in requests]
        for news in self.news:
            listener(news)
        if self.error is not None:
            raise self.error
        return requests

    async def fetch(self, work: Sequence[ImageRequest]) -> list[EnsuredImage]:
        if self.hold is not None:
            await self.hold.wait()
        return [
            EnsuredImage(request.uri, self.image_id, None, True, needed_by=request.needed_by)
            for request in work
        ]

    def loaded_archives(self, component, version):
        return {}

    async def load(
        self, archives: Sequence[LoadableArchive], listener: ProgressListener
    ) -> list[EnsuredImage]:
        self.loaded += [archive.uri for archive in archives]
        return []

    async def put_in_place(self, images: Sequence[EnsuredImage]) -> None:
        self.in_place = [image.uri for image in images]
        if self.place_error is not None:
            raise self.place_error

    async def put_back(self) -> None:
        self.in_place = []

    async def settle(self, images: Sequence[EnsuredImage], *, clean_up: bool) -> list[str]:
        self.settled.append(([image.uri for image in images], clean_up))
        return []


class NoDownloads:
    """Everything is on the device already."""

    async def look(
        self, wanted: Sequence[ComponentFiles], listener: DownloadListener, *, offline: bool
    ) -> DownloadPlan:
        return DownloadPlan(files=tuple(wanted))

    async def fetch(self, plan: DownloadPlan, listener: DownloadListener) -> tuple[Path, ...]:
        return ()

    async def finish(self, plan: DownloadPlan) -> None:
        pass


@dataclass
class FakeRunner:
    """Runs nothing. `broken` names "COMPONENT VERSION" that end up BROKEN, `stuck` names
    components that never are where they should be; `hold` makes everybody wait."""

    running: dict[str, ComponentSpec] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)
    removed: list[str] = field(default_factory=list)
    hold: asyncio.Event | None = None
    hold_removal: asyncio.Event | None = None
    waited_for: list[frozenset[str]] = field(default_factory=list)
    noted: list[frozenset[str]] = field(default_factory=list)
    leaving: list[frozenset[str]] = field(default_factory=list)
    soaking: list[Soaking] = field(default_factory=list)
    soak: asyncio.Event | None = None
    proofs: int = 0
    unsound: set[str] = field(default_factory=set)

    def update(
        self, specs: Mapping[str, ComponentSpec], leaving: Collection[str] = ()
    ) -> frozenset[str]:
        self.leaving.append(frozenset(leaving))
        touched = {
            name
            for name, spec in specs.items()
            if self.running.get(name) != spec or self._is_broken(spec)
        }
        self.running |= specs
        return frozenset(touched)

    def note(self, specs: Mapping[str, ComponentSpec]) -> None:
        self.noted.append(frozenset(specs))
        self.running |= {name: spec for name, spec in specs.items() if name in self.running}

    async def wait_settled(
        self, names: Iterable[str], deadline_s: float
    ) -> Mapping[str, ComponentView]:
        self.waited_for.append(frozenset(names))
        if self.hold is not None:
            await self.hold.wait()
        late = self.stuck & self.waited_for[-1]
        if late:
            raise TimeoutError(f"{', '.join(late)} is STARTING")
        return {name: self._view(self.running[name]) for name in self.waited_for[-1]}

    async def wait_sound(
        self, names: Iterable[str], deadline_s: float, tell: Callable[[Sequence[Soaking]], None]
    ) -> Mapping[str, ComponentView]:
        self.proofs += 1
        views = await self.wait_settled(names, deadline_s)
        tell(self.soaking)
        if self.soak is not None:
            await self.soak.wait()
        tell(())
        if self.unsound & views.keys():
            codes = ("COMPONENT_UPDATE_ERROR", "COMPONENT_BROKEN")
            raise LifecycleError("cannot keep every component running", codes=codes)
        return views

    def view(self, name: str) -> ComponentView | None:
        return self._view(self.running[name]) if name in self.running else None

    def _is_broken(self, spec: ComponentSpec) -> bool:
        return f"{spec.name} {spec.version}" in self.broken

    def _view(self, spec: ComponentSpec) -> ComponentView:
        bad = self._is_broken(spec)
        state, code = (State.BROKEN, "RUN_ERROR") if bad else (State.RUNNING, "NONE")
        return ComponentView(spec.name, spec.version, state, code, "exit code 1", {}, 0, None)

    async def remove(self, names: Iterable[str]) -> None:
        if self.hold_removal is not None:
            await self.hold_removal.wait()
        for name in names:
            if self.running.pop(name, None) is not None:
                self.removed.append(name)


@dataclass
class FakeCore:
    """A core on the given paths, on linux and amd64. Settings are a text, `greeting` of the
    nucleus configuration, for tests to see which ones are in force."""

    paths: Paths
    deadline_s: float = 30
    adopted: list[DeviceState] = field(default_factory=list)
    faulty_settings: bool = False
    trouble: dict[str, str] = field(default_factory=dict)
    run_with: RunWith = field(default_factory=RunWith)

    def surroundings(self, settings: DeviceState) -> Surroundings:
        if self.faulty_settings:
            raise ConfigurationError("cannot use logging.format")
        return Surroundings(
            Device(self.paths, "thing", False),
            {"os": "linux", "architecture": "amd64"},
            built_ins("2.18.0"),
            {},
            self.run_with,
        )

    def plan(self, state: DeviceState) -> None:
        pass

    async def owner_of(self, spec: ComponentSpec) -> Owner | None:
        return None

    async def warnings_of(self, spec: ComponentSpec) -> tuple[str, ...]:
        return (self.trouble[spec.name],) if spec.name in self.trouble else ()

    def script_environment(self, spec: ComponentSpec, step: Step) -> Mapping[str, str]:
        return {**spec.steps.environment, **step.environment}

    def adopt(self, state: DeviceState) -> None:
        self.adopted.append(state)


class Bench:
    """One device with its service; `restart` builds the service anew on the same store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = Paths(folder / "root")
        self.paths.create()
        self.images = FakeImages()
        self.runner = FakeRunner()
        self.core = FakeCore(self.paths)
        self.consent = ComponentConsent(SystemClock())
        self.limits = Limits(rollback_s=5, removal_s=5)
        self.bus = Bus()
        self.news: list[DeploymentRecord] = []
        self.bus.listen(lambda event: self.news.append(event.record), DeploymentChanged)
        self.recovered: list[bool] = []
        self.faults: list[str] = []
        self.database = Database(self.paths.database)
        self._open()

    def _open(self) -> None:
        self.staging = Staging(self.paths)
        self.recipes = RecipeStore(self.paths)
        self.service = DeploymentService(
            DeploymentRecords(self.database),
            DeviceStateStore(self.database),
            self.bus,
            SystemClock(),
        )
        state = self.service.recover(self._put_files_right)
        current, self.faults = restored(state, self.core.surroundings(state))
        self.runner.update(current.specs)
        self.service.start(current, self._executor())

    def _put_files_right(self, committed: bool) -> None:
        self.recovered.append(committed)
        self.staging.recover(committed=committed)
        if committed:
            self.recipes.publish()
        else:
            self.recipes.discard()

    def _executor(self) -> Executor:
        store = Store(self.staging, self.recipes, self.service.commit, self.service.live)
        applier = Applier(self.runner, self.core, store, self.images)
        sources = Sources(self.images, NoDownloads())
        preparation = Preparation(sources, self.staging, self.recipes)
        return Executor(preparation, applier, self.core, self.consent, SystemClock(), self.limits)

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

    async def restart(self) -> None:
        """A new core on what the old one has stored by now; the old one gets no chance to tidy."""
        await self.kill()
        self.database = Database(self.paths.database)
        self.reopen()

    def reopen(self) -> None:
        """A new core on the database that is open now."""
        self.images = FakeImages()
        self.runner = FakeRunner()
        self._open()

    async def kill(self) -> None:
        """End the old core's tasks; what they would still write is lost with the database."""
        self.database.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def protect(self, on: bool) -> None:
        """Let nothing be written to the database any more, as on a full disk; or again."""
        self.database.query(f"PRAGMA query_only={'ON' if on else 'OFF'}")

    def read_only_database(self) -> Database:
        """The stored one, opened while nothing can be written."""
        self.database = Database(self.paths.database)
        self.protect(True)
        return self.database

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.002)

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


@pytest.fixture
def bench_of() -> Callable[[Path], Bench]:
    """A device in a folder, which may be there from an earlier life; needs a running loop."""
    return Bench
