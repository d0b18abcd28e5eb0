"""A supervisor with real processes on a root folder that the components' user can traverse."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from run_settings import Settings

from greendock.base.clock import SystemClock
from greendock.base.events import Bus
from greendock.base.logs import ComponentLogs
from greendock.base.paths import Paths
from greendock.lifecycle.model import (
    ComponentSpec,
    ComponentStateChanged,
    State,
)
from greendock.lifecycle.supervisor import Supervisor
from greendock.recipe.model import Step, Steps


@dataclass
class Tokens:
    """The Identities port: remembers what is valid."""

    valid: set[tuple[str, int]] = field(default_factory=set)
    issued: int = 0
    dismissed: list[str] = field(default_factory=list)
    valid_at_dismissal: list[set[tuple[str, int]]] = field(default_factory=list)

    def dismiss(self, component: str) -> None:
        self.dismissed.append(component)
        self.valid_at_dismissal.append(set(self.valid))

    def issue(self, component: str, generation: int) -> str:
        self.issued += 1
        self.valid.add((component, generation))
        return f"token-{component}-{generation}"

    def revoke(self, component: str, generation: int) -> None:
        self.valid.discard((component, generation))


@dataclass
class Shared:
    """The Surroundings port."""

    values: dict[str, str] = field(default_factory=dict)

    def environment(self) -> Mapping[str, str]:
        return self.values


class HeldClock(SystemClock):
    """Real time, but sleeps of `held` seconds or more end only when `release` is called."""

    def __init__(self, held_s: float) -> None:
        self.held_s = held_s
        self._gate = asyncio.Event()
        self.waiting = 0

    async def sleep(self, seconds: float) -> None:
        if seconds < self.held_s:
            await super().sleep(seconds)
            return
        self.waiting += 1
        try:
            await self._gate.wait()
        finally:
            self.waiting -= 1

    def release(self) -> None:
        self._gate.set()


@dataclass
class Rig:
    """A started supervisor and what it told."""

    supervisor: Supervisor
    paths: Paths
    bus: Bus
    tokens: Tokens
    shared: Shared
    settings: Settings
    logs: ComponentLogs
    changes: list[ComponentStateChanged] = field(default_factory=list)

    def states(self, component: str) -> list[str]:
        """All states of `component` since the start, in order."""
        return ["NEW", *(str(c.new) for c in self.changes if c.component == component)]

    def codes(self, component: str) -> list[str]:
        return [
            c.status_code
            for c in self.changes
            if c.component == component and c.new in (State.ERRORED, State.BROKEN)
        ]

    async def deploy(self, *specs: ComponentSpec, within_s: float = 20) -> dict[str, State]:
        """Update and wait; the states of what was touched."""
        touched = self.supervisor.update({spec.name: spec for spec in specs})
        views = await self.supervisor.wait_settled(touched, within_s)
        return {name: view.state for name, view in views.items()}

    def state(self, component: str) -> State:
        view = self.supervisor.view(component)
        assert view is not None
        return view.state

    def log(self, component: str) -> str:
        self.logs.flush()
        path = self.paths.log_file(component)
        return path.read_text() if path.exists() else ""

    def work(self, component: str) -> Path:
        return self.paths.work_folder(component)

    async def until(self, condition: Callable[[], Any], within_s: float = 20) -> None:
        """Wait until `condition` holds; TimeoutError otherwise."""
        async with asyncio.timeout(within_s):
            while not condition():
                await asyncio.sleep(0.005)


@pytest.fixture
def open_root() -> Iterator[Path]:
    """A root folder that every user can traverse (pytest's own folders are 0700)."""
    folder = Path(tempfile.mkdtemp(prefix="gd-lifecycle-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def rig(open_root: Path):
    """`async with rig() as core:`; keyword arguments go to the Supervisor."""

    @asynccontextmanager
    async def build(root: Path = open_root, **more: Any):
        paths = Paths(root)
        paths.create()
        clock = more.pop("clock", None) or SystemClock()
        settings = more.pop("settings", None) or Settings()
        bus, tokens, shared = Bus(), Tokens(), Shared()
        logs = ComponentLogs(paths.logs)
        more.setdefault("grace_s", 5.0)
        more.setdefault("jitter", lambda: 0.0)
        supervisor = Supervisor(paths, bus, clock, logs, settings, tokens, shared, **more)
        core = Rig(supervisor, paths, bus, tokens, shared, settings, logs)
        bus.listen(core.changes.append, ComponentStateChanged)
        await supervisor.start()
        try:
            yield core
        finally:
            await supervisor.stop_all(20)
            logs.close()

    return build


@pytest.fixture
def spec():
    """`spec("a", run="sleep 60", …)`: a step given as text or as a Step."""

    def make(name: str = "com.example.A", version: str = "1.0.0", **more: Any) -> ComponentSpec:
        names = ("install", "startup", "run", "shutdown", "recover", "uninstall")
        steps = {
            key: Step(value) if isinstance(value, str) else value
            for key in names
            if (value := more.pop(key, None)) is not None
        }
        for key in ("environment", "error_reset_s"):
            if key in more:
                steps[key] = more.pop(key)
        return ComponentSpec(name, version, Steps(**steps), **more)

    return make
