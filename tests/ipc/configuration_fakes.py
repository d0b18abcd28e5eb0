"""Plain stands-in for what the operations of this folder's tests ask of a core."""

from __future__ import annotations

from typing import Any

from greendock.base.events import Bus
from greendock.config.changes import ConfigurationChanged, changed_leaves
from greendock.config.own_update import OwnUpdate, require_acceptable, updated_by
from greendock.config.tree import Node, from_plain, to_plain
from greendock.ipc.component_metrics import ComponentMetrics
from greendock.ipc.debug_passwords import DebugPasswords
from greendock.ipc.operations.system import SystemPorts
from greendock.ipc.tokens import Tokens
from greendock.lifecycle.model import State

SET_AT_MS = 1_700_000_000_000


class FakeClock:
    """Stands still until a test moves it; who sleeps is noted and goes on at once."""

    def __init__(self) -> None:
        self.seconds = 1_700_000_000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class FakeConfigurations:
    """Keeps configurations in memory, by the real rules; `error` is raised by updates."""

    def __init__(self, bus: Bus) -> None:
        self.trees: dict[str, Node] = {}
        self.error: Exception | None = None
        self._bus = bus

    def set(self, component: str, configuration: dict[str, Any]) -> None:
        self.trees[component] = from_plain(configuration, SET_AT_MS)

    def plain(self, component: str) -> Any:
        return to_plain(self.trees[component])

    def read(self, component: str) -> tuple[str, Any] | None:
        for name, tree in self.trees.items():
            if name.lower() == component.lower():
                return name, to_plain(tree)
        return None

    async def update(self, component: str, update: OwnUpdate) -> bool:
        require_acceptable(update)
        if self.error is not None:
            raise self.error
        before = self.trees[component]
        self.trees[component], is_newest = updated_by(before, update)
        self.tell(component, to_plain(before))
        return is_newest

    def tell(self, component: str, before: Any) -> None:
        paths = changed_leaves(before, self.plain(component))
        self._bus.publish(ConfigurationChanged(component, paths))


class FakeReports:
    def __init__(self) -> None:
        self.heard: list[tuple[str, State]] = []

    def request_state(self, component: str, state: State) -> None:
        self.heard.append((component, state))


class FakeSystem:
    """The real parts on a clock that tests own."""

    def __init__(self, tokens: Tokens) -> None:
        self.clock = FakeClock()
        self.passwords = DebugPasswords(self.clock)
        self.metrics = ComponentMetrics(self.clock, most=5)
        self.ports = SystemPorts(
            self.passwords,
            self.metrics,
            lambda token: tokens.authenticate(token) is not None,
            self.clock.sleep,
        )
