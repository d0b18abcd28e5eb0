"""Carries out one deployment from request to result: resolve, plan, prepare, apply, commit.

Holds no queue and no policy of its own beyond the order; failures before apply leave the device as
it was, failures after it follow the request's policy.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from greendock.artifacts.staging import Staged, Staging
from greendock.base.clock import Clock
from greendock.base.errors import GreendockError
from greendock.deployment.apply import Applier, Before, with_content
from greendock.deployment.device_state import DeviceState
from greendock.deployment.document import FailurePolicy, LocalRequest
from greendock.deployment.library import read_recipes
from greendock.deployment.outcome import failed, failure_of, succeeded
from greendock.deployment.plan import Plan, make_plan
from greendock.deployment.ports import CoreContext, ImageProvider
from greendock.deployment.prepare import prepare
from greendock.deployment.record import DeploymentRecord, DetailedStatus, Phase
from greendock.docker.model import ProgressListener
from greendock.lifecycle.model import ComponentSpec

_log = logging.getLogger("greendock.deployment")
_ROLLBACK_DEADLINE_S = 600.0


@dataclass(frozen=True, slots=True)
class Reporter:
    """How a deployment tells what it does. `phase` returns the record as updated."""

    phase: Callable[[Phase], DeploymentRecord]
    warn: Callable[[str], DeploymentRecord]
    image: ProgressListener
    record: Callable[[], DeploymentRecord]


@dataclass(frozen=True, slots=True)
class Current:
    """The device as it is when a deployment starts."""

    state: DeviceState
    specs: Mapping[str, ComponentSpec]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A deployment with everything fetched, about to be applied."""

    request: LocalRequest
    before: Before
    plan: Plan
    staged: dict[str, Staged]
    left_s: float


class Executor:
    """Carries out requests, one at a time; `applier.commit` makes the result durable."""

    def __init__(
        self,
        images: ImageProvider,
        staging: Staging,
        core: CoreContext,
        clock: Clock,
        applier: Applier,
    ) -> None:
        self._images = images
        self._staging = staging
        self._core = core
        self._clock = clock
        self._applier = applier

    async def carry_out(
        self, request: LocalRequest, current: Current, report: Reporter
    ) -> DeploymentRecord:
        """The final record. Cancelling it has an effect until apply begins, and none after.

        Raises CancelledError only while the device is unchanged.
        """
        ends_at = self._clock.monotonic() + self._core.deadline_s
        try:
            async with asyncio.timeout(self._core.deadline_s):
                plan, staged = await self._get_ready(request, current, report)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            return self._refused(error, report)
        left_s = max(1.0, ends_at - self._clock.monotonic())
        before = Before(current.state, current.specs)
        return await self._apply(_Ready(request, before, plan, staged, left_s), report)

    async def _get_ready(
        self, request: LocalRequest, current: Current, report: Reporter
    ) -> tuple[Plan, dict[str, Staged]]:
        report.phase(Phase.RESOLVING)
        await asyncio.sleep(0)
        plan = make_plan(
            current.state,
            request,
            read_recipes(request.recipe_paths),
            self._core.surroundings(),
            int(report.record().created_at * 1000),
        )
        for warning in plan.warnings:
            report.warn(warning)
        self._core.check(plan.state)
        for spec in plan.specs.values():
            await self._core.owner_of(spec)
        report.phase(Phase.PREPARING)
        images, staged = await prepare(
            self._images, self._staging, plan.images, plan.files, report.image
        )
        for image in images:
            if image.warning:
                report.warn(image.warning)
        return plan, staged

    def _refused(self, error: Exception, report: Reporter) -> DeploymentRecord:
        if not isinstance(error, (GreendockError, OSError)):
            _log.exception("a deployment failed in a way that nobody foresaw")
        return failed(report.record(), failure_of(error), DetailedStatus.FAILED_NO_STATE_CHANGE)

    async def _apply(self, ready: _Ready, report: Reporter) -> DeploymentRecord:
        report.phase(Phase.APPLYING)
        plan = with_content(ready.plan, ready.staged)
        try:
            await self._applier.switch(plan, ready.staged, ready.left_s)
            self._applier.commit(plan, replace(report.record(), phase=Phase.CLEANING_UP))
        except Exception as error:
            if not isinstance(error, (GreendockError, OSError)):
                _log.exception("applying a deployment failed in a way that nobody foresaw")
            return await self._failed(error, replace(ready, plan=plan), report)
        report.phase(Phase.CLEANING_UP)
        for warning in await self._applier.finish(plan, ready.staged):
            report.warn(warning)
        return succeeded(report.record())

    async def _failed(self, error: Exception, ready: _Ready, report: Reporter) -> DeploymentRecord:
        failure = failure_of(error)
        if ready.request.failure_policy is FailurePolicy.ROLLBACK:
            report.phase(Phase.ROLLING_BACK)
            detailed = await self._applier.restore(
                ready.before, ready.plan, ready.staged, _ROLLBACK_DEADLINE_S
            )
            return failed(report.record(), failure, detailed)
        record = failed(report.record(), failure, DetailedStatus.FAILED_ROLLBACK_NOT_REQUESTED)
        kept = _with_removed(ready.plan, ready.before)
        try:
            self._applier.commit(kept, record)
            await self._applier.finish(kept, ready.staged)
        except GreendockError as second:
            report.warn(f"the state that the deployment left was not stored: {second.explain()}")
        return replace(record, warnings=report.record().warnings)


def _with_removed(plan: Plan, before: Before) -> Plan:
    """`plan` as it is left half way: what it would have removed at its end is still there."""
    components = dict(plan.state.components)
    specs = dict(plan.specs)
    for name in plan.removed:
        components[name] = before.state.components[name]
        specs[name] = before.specs[name]
    return replace(plan, removed=(), specs=specs, state=replace(plan.state, components=components))
