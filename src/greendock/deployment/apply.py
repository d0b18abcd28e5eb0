"""Switches the device from one set of components to another, and back.

Order: files are swapped, components updated and waited for, the new state committed, removed
components stopped. A component that ends up BROKEN fails it; under ROLLBACK the old files and
components come back, under DO_NOTHING the new state stays as it is. Until the commit the stored
state is the old one, so a core that is killed half way starts with the old set.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from greendock.artifacts.staging import Staged, Staging
from greendock.base.errors import GreendockError, LifecycleError
from greendock.deployment.device_state import DeviceState
from greendock.deployment.library import RecipeLibrary
from greendock.deployment.plan import Plan
from greendock.deployment.ports import CoreContext, Runner
from greendock.deployment.record import DeploymentRecord, DetailedStatus
from greendock.lifecycle.model import ComponentSpec, ComponentView, State

_log = logging.getLogger("greendock.deployment")


@dataclass(frozen=True, slots=True)
class Before:
    """What to return to: the state and the specs that were running."""

    state: DeviceState
    specs: Mapping[str, ComponentSpec]


class Applier:
    """Carries out the switch. `commit` writes a state durably and is given by the service."""

    def __init__(
        self,
        runner: Runner,
        staging: Staging,
        core: CoreContext,
        commit: Callable[[Plan, DeploymentRecord], None],
    ) -> None:
        self._runner = runner
        self._staging = staging
        self._core = core
        self._commit = commit

    async def switch(self, plan: Plan, staged: Mapping[str, Staged], deadline_s: float) -> None:
        """Bring `plan` into effect and wait until its components run.

        Raises LifecycleError when a component is BROKEN or not settled by the deadline, OSError or
        DeviceError when files can't be swapped; the stored state is still the old one then.
        """
        for item in staged.values():
            self._staging.swap(item)
            self._staging.grant(item, await self._core.owner_of(plan.specs[item.files.component]))
        touched = self._runner.update(plan.specs)
        await self._settle(touched, deadline_s)

    async def finish(self, plan: Plan, staged: Mapping[str, Staged]) -> list[str]:
        """After the commit: stop what was removed, let go of old files. Returns warnings."""
        warnings = []
        try:
            if plan.removed:
                await self._runner.remove(plan.removed)
        except GreendockError as error:
            _log.exception("removed components did not stop cleanly")
            warnings.append(f"removed components did not stop cleanly: {error.explain()}")
        for item in staged.values():
            await asyncio.to_thread(self._staging.finish, item)
        return warnings

    async def restore(
        self, before: Before, plan: Plan, staged: Mapping[str, Staged], deadline_s: float
    ) -> DetailedStatus:
        """Back to `before`. Says whether it runs again as it did."""
        try:
            for item in staged.values():
                self._staging.undo(item)
                spec = before.specs.get(item.files.component)
                if spec is not None:
                    self._staging.grant(item, await self._core.owner_of(spec))
            added = [name for name in plan.specs if name not in before.specs]
            await self._runner.remove(added)
            touched = self._runner.update(before.specs)
            await self._settle(touched, deadline_s)
        except (GreendockError, OSError, TimeoutError):
            _log.exception("the old components could not be brought back")
            return DetailedStatus.FAILED_UNABLE_TO_ROLLBACK
        return DetailedStatus.FAILED_ROLLBACK_COMPLETE

    async def _settle(self, names: Iterable[str], deadline_s: float) -> None:
        started = time.monotonic()
        try:
            views = await self._runner.wait_settled(names, deadline_s)
        except TimeoutError as error:
            raise LifecycleError(
                f"cannot finish the deployment: components did not settle within "
                f"{time.monotonic() - started:.0f} s",
                codes=("COMPONENT_UPDATE_ERROR",),
            ) from error
        broken = [view for view in views.values() if view.state is State.BROKEN]
        if broken:
            raise LifecycleError(
                "cannot keep every component running: " + "; ".join(map(_why_broken, broken)),
                codes=("COMPONENT_UPDATE_ERROR", "COMPONENT_BROKEN"),
                hint=f"see logs/{broken[0].name}.log",
            )

    def commit(self, plan: Plan, record: DeploymentRecord) -> None:
        """Make the plan's state the device's, durably and in one step with `record`."""
        RecipeLibrary(self._core.surroundings().device.paths).store(plan.recipes)
        self._commit(plan, record)
        self._core.committed(plan.state)


def with_content(plan: Plan, staged: Mapping[str, Staged]) -> Plan:
    """`plan` with the content ids that staging found."""
    specs = dict(plan.specs)
    components = dict(plan.state.components)
    for name, item in staged.items():
        specs[name] = replace(specs[name], content_id=item.content_id)
        components[name] = replace(components[name], content_id=item.content_id)
    return replace(plan, specs=specs, state=replace(plan.state, components=components))


def _why_broken(view: ComponentView) -> str:
    reason = f": {view.status_reason}" if view.status_reason else ""
    return f"{view.name} {view.version} is BROKEN ({view.status_code}{reason})"
