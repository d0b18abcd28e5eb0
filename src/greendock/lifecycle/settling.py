"""Waits until components are where a deployment wants them, and until they have proved themselves.

component.py says of itself whether it is settled, soak.py whether its containers are sound.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from greendock.base.clock import Clock
from greendock.base.errors import ConfigurationError, LifecycleError
from greendock.config.settings import own_soak_s
from greendock.lifecycle.bell import Belfry
from greendock.lifecycle.component import Component
from greendock.lifecycle.model import ComponentView, State
from greendock.lifecycle.ports import RunSettings
from greendock.lifecycle.roster import Roster
from greendock.lifecycle.soak import Soak, Soaking, SoakWait
from greendock.recipe.shell.docker_command import names_docker

_log = logging.getLogger("greendock.lifecycle")

Tell = Callable[[Sequence[Soaking]], None]


class Settling:
    """`belfry` rings whenever a component changed."""

    def __init__(
        self, roster: Roster, belfry: Belfry, clock: Clock, settings: RunSettings
    ) -> None:
        self._roster = roster
        self._belfry = belfry
        self._clock = clock
        self._settings = settings

    async def wait(self, names: frozenset[str], deadline_s: float) -> Mapping[str, ComponentView]:
        """See Supervisor.wait_settled."""

        def done() -> bool:
            there = self._there(names).values()
            return _is_given_up(there) or all(c.is_settled for c in there)

        try:
            async with asyncio.timeout(deadline_s):
                await self._belfry.until(self._clock, done)
        except TimeoutError as error:
            raise TimeoutError(self._why_unsettled(names)) from error
        return self._views(names)

    async def wait_sound(
        self, names: frozenset[str], deadline_s: float, tell: Tell
    ) -> Mapping[str, ComponentView]:
        """See Supervisor.wait_sound."""
        soaks: dict[str, Soak] = {}
        left: list[Soaking] = []

        def done() -> bool:
            there = self._there(names)
            left[:] = self._soaking(there, soaks)
            tell(tuple(left))
            if _is_given_up(there.values()):
                return True
            return not left and all(c.is_settled for c in there.values())

        def again_s() -> float | None:
            return min((one.left_s for one in left if one.left_s is not None), default=None)

        try:
            async with asyncio.timeout(deadline_s):
                await self._belfry.until(self._clock, done, again_s)
        except TimeoutError as error:
            late = [f"{one.component}: {one.text}" for one in left]
            unsettled = self._why_unsettled(names)
            raise TimeoutError("; ".join([unsettled] * bool(unsettled) + late)) from error
        finally:
            tell(())
            for component in self._there(names).values():
                component.soak = ""
        return self._views(names)

    def _soaking(self, there: Mapping[str, Component], soaks: dict[str, Soak]) -> list[Soaking]:
        """Which of these are waited for. Raises LifecycleError when there is no use in that."""
        found = []
        for name, component in there.items():
            wait = self._soak_of(component, soaks)
            component.soak = wait.text if wait is not None else ""
            if wait is None:
                continue
            if wait.is_failed:
                raise LifecycleError(
                    f"cannot keep every component running: {name} {component.spec.version}: "
                    f"{wait.text}",
                    codes=("COMPONENT_UPDATE_ERROR", "COMPONENT_BROKEN"),
                )
            found.append(Soaking(name, wait.text, wait.left_s))
        return found

    def _soak_of(self, component: Component, soaks: dict[str, Soak]) -> SoakWait | None:
        """Only while it is RUNNING; before and after that others tell how it is."""
        since, state, spec = component.running_since, component.containers, component.spec
        if since is None or not component.is_settled:
            return None
        if not (spec.uses_docker or state.containers or names_docker(spec.steps)):
            return None
        if component.name not in soaks:
            soaks[component.name] = Soak(self._soak_s(component))
        soak = soaks[component.name]
        if soak.soak_s == 0:
            return None
        return soak.wait(state, since, self._clock.monotonic())

    def _soak_s(self, component: Component) -> float:
        default_s = self._settings.soak_s
        try:
            return own_soak_s(component.name, component.spec.configuration, default_s)
        except ConfigurationError as error:
            # Set by the component itself; what a deployment sets is checked before.
            _log.warning("%s", error.explain())
            return default_s

    def _views(self, names: frozenset[str]) -> dict[str, ComponentView]:
        return {name: c.view() for name, c in self._there(names).items()}

    def _there(self, names: frozenset[str]) -> dict[str, Component]:
        return {name: c for name, c in self._roster.components.items() if name in names}

    def _why_unsettled(self, names: frozenset[str]) -> str:
        parts: list[str] = []
        for name, component in sorted(self._there(names).items()):
            if not component.is_settled:
                waits = ", ".join(self._roster.not_ready(name))
                parts.append(f"{name} is {component.state}{f' (waits for {waits})' * bool(waits)}")
        return "; ".join(parts)


def _is_given_up(components: Iterable[Component]) -> bool:
    return any(c.state is State.BROKEN and c.is_settled for c in components)
