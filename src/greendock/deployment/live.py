"""What the device runs by: the committed state, or the one that a deployment tries out.

Holds both, since a component may change its configuration at any time, and tells the bus which
values changed. Stores nothing: the deployment service and configuration_updates.py do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from greendock.base.events import Bus
from greendock.config.changes import ConfigurationChanged, changed_leaves
from greendock.deployment.chosen import Surroundings
from greendock.deployment.current import Current
from greendock.deployment.device_state import DeviceState
from greendock.deployment.reconfigured import rebased
from greendock.lifecycle.model import ComponentSpec


class Live:
    """`now` is committed; `tried` runs while a deployment is being applied, else None."""

    def __init__(self, bus: Bus) -> None:
        self.now = Current()
        self.tried: Current | None = None
        self.begun = asyncio.Event()
        """Set once `now` is complete: the core is starting until then."""
        self._base = DeviceState()
        self._bus = bus
        self._told: Mapping[str, Mapping[str, Any]] = {}

    def begin(self, current: Current) -> None:
        """The core starts with `current`; nobody has to be told."""
        self.now = current
        self._told = self._configurations()
        self.begun.set()

    def plan_from(self) -> Current:
        """A deployment is going to be worked out from what this gives."""
        self._base, self.tried = self.now.state, None
        return self.now

    def try_out(self, planned: Current, surroundings: Surroundings) -> Current:
        """What is to run of `planned`: with what components have set since it was planned.

        Raises ConfigurationError when it can't be run with that.
        """
        self.tried = rebased(planned, self._base, self.now.state, surroundings)
        return self.tried

    def completed(self, planned: Current) -> Current:
        """`planned` as it is to be committed: with what components have set until now."""
        if self.tried is None:
            return planned
        components, specs = dict(planned.state.components), dict(planned.specs)
        for source in (self.now, self.tried):
            for name in components.keys() & source.state.components.keys():
                configuration = source.state.components[name].configuration
                components[name] = replace(components[name], configuration=configuration)
            specs |= {n: spec for n, spec in source.specs.items() if n in specs}
        state = replace(planned.state, components=components)
        return Current(state, specs, planned.recipes)

    def commit(self, current: Current) -> None:
        """`current` is stored."""
        self.now, self.tried = current, None

    def give_up(self) -> Current:
        """Nothing is tried out any more; what has to run instead."""
        self.tried = None
        return self.now

    def announce(self) -> None:
        """Publish what differs from what was announced last, once it is what runs."""
        old, self._told = self._told, self._configurations()
        for name in {**old, **self._told}:
            before, after = old.get(name), self._told.get(name)
            if before is not after and (paths := changed_leaves(before, after)):
                self._bus.publish(ConfigurationChanged(name, paths))

    def _configurations(self) -> dict[str, Mapping[str, Any]]:
        specs = running_specs(self.now, self.tried)
        return {name: spec.configuration for name, spec in specs.items()}


def running_specs(now: Current, tried: Current | None) -> dict[str, ComponentSpec]:
    """What a deployment removes runs until it is committed."""
    return {**now.specs, **(tried.specs if tried is not None else {})}
