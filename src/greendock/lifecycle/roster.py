"""The components of a core by name: who is there, who needs whom, what is shown of them.

Reads only; supervisor.py adds, changes and removes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from greendock.base.errors import UsageError
from greendock.lifecycle.component import Component
from greendock.lifecycle.model import ComponentView
from greendock.lifecycle.order import start_order
from greendock.lifecycle.ports import CorePart
from greendock.recipe.model import DependencyType


@dataclass(slots=True)
class Roster:
    """`parts`: what built-in components stand for."""

    parts: Mapping[str, CorePart]
    components: dict[str, Component] = field(default_factory=dict)

    def graph(self) -> dict[str, Mapping[str, DependencyType]]:
        return {name: c.latest_spec.dependencies for name, c in self.components.items()}

    def get(self, name: str, verb: str) -> Component:
        """Raises UsageError for a component that isn't there."""
        component = self.components.get(name)
        if component is None:
            near = get_close_matches(name, self.components, n=1)
            raise UsageError(
                f"cannot {verb} {name}: there is no such component",
                codes=("RESOURCE_NOT_FOUND",),
                hint=f"did you mean {near[0]}?" if near else "see `greendock component list`",
            )
        return component

    def own(self, name: str, verb: str) -> Component:
        """A component that is not the core itself, which runs as long as it is there."""
        component = self.get(name, verb)
        if component.latest_spec.built_in and name not in self.parts:
            raise UsageError(f"cannot {verb} {name}: it is part of the core, which runs")
        return component

    def not_ready(self, name: str) -> list[str]:
        """HARD dependencies that keep a component from starting; absent ones are such."""
        return [
            needed
            for needed, kind in self.components[name].latest_spec.dependencies.items()
            if kind is DependencyType.HARD
            and not (needed in self.components and self.components[needed].is_ready)
        ]

    def views(self) -> list[ComponentView]:
        """All components, dependencies first."""
        return [self._view(self.components[name]) for name in start_order(self.graph())]

    def view(self, name: str) -> ComponentView | None:
        component = self.components.get(name)
        return None if component is None else self._view(component)

    def _view(self, component: Component) -> ComponentView:
        view = component.view()
        if component.name not in self.parts:
            return view
        return replace(view, configuration=self.configuration_of(component.name) or {})

    def dependers(self, name: str) -> frozenset[str]:
        """Those that depend on `name`, hard or soft."""
        return frozenset(other for other, needs in self.graph().items() if name in needs)

    def configuration_of(self, name: str) -> Mapping[str, Any] | None:
        """As `view` has it; for what is asked at every call."""
        component, part = self.components.get(name), self.parts.get(name)
        if component is None:
            return None
        configuration = component.latest_spec.configuration
        return configuration if part is None else {**configuration, **part.shown}
