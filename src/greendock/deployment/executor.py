"""Carries out one deployment from request to result: resolve, plan, prepare, apply, commit.

Holds no queue and no policy of its own beyond the order; failures before components are changed
leave the device as it was, failures after it follow the request's policy. What it raises is a
defect; what went wrong is in the record that it returns.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from greendock.artifacts.model import ComponentFiles
from greendock.base.clock import Clock
from greendock.base.errors import GreendockError
from greendock.deployment.apply import Applier, with_content, with_images
from greendock.deployment.current import Current
from greendock.deployment.document import FailurePolicy, LocalRequest
from greendock.deployment.occasion import Occasion
from greendock.deployment.outcome import (
    Failure,
    ended,
    failed,
    failure_of,
    not_restored,
    succeeded,
    too_late,
)
from greendock.deployment.plan import Plan, make_plan, settings_after
from greendock.deployment.ports import Consent, CoreContext
from greendock.deployment.prepare import Order, Preparation
from greendock.deployment.prepared import Prepared
from greendock.deployment.recipe_folders import read_recipes
from greendock.deployment.record import (
    Asked,
    ComponentWaiting,
    DeploymentRecord,
    DetailedStatus,
    Phase,
)
from greendock.deployment.validity import changed_configurations
from greendock.docker.model import ProgressListener
from greendock.lifecycle.soak import Soaking

_log = logging.getLogger("greendock.deployment")


@dataclass(frozen=True, slots=True)
class Reporter:
    """How a deployment tells what it does.

    `phase` raises DeviceError when it can't be stored, except where there is no way back.
    """

    phase: Callable[[Phase], None]
    fail: Callable[[Failure], None]
    warn: Callable[[str], None]
    image: ProgressListener
    asking: Callable[[Sequence[ComponentWaiting]], None]
    record: Callable[[], DeploymentRecord]


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for going back, and for removing components."""

    rollback_s: float = 600.0
    removal_s: float = 300.0


@dataclass(frozen=True, slots=True)
class _Ready:
    """A deployment with everything fetched, about to be applied."""

    request: LocalRequest
    before: Current
    plan: Plan
    prepared: Prepared
    ends_at: float


class Executor:
    """Carries out requests, one at a time."""

    def __init__(
        self,
        preparation: Preparation,
        applier: Applier,
        core: CoreContext,
        consent: Consent,
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        self._preparation = preparation
        self._applier = applier
        self._core = core
        self._consent = consent
        self._clock = clock
        self._limits = limits or Limits()

    @property
    def longest_s(self) -> float:
        """No deployment that is all right takes longer than this."""
        limits = self._limits
        return self._core.deadline_s + limits.rollback_s + 2 * limits.removal_s

    async def carry_out(
        self, request: LocalRequest, current: Current, report: Reporter
    ) -> DeploymentRecord:
        """The final record. Cancelled before apply begins, it leaves the device unchanged; later,
        half way, which the next start of the core puts right."""
        try:
            return await self._carry_out(request, current, report)
        finally:
            self._consent.finished(report.record().id)

    async def _carry_out(
        self, request: LocalRequest, current: Current, report: Reporter
    ) -> DeploymentRecord:
        deadline_s = self._core.deadline_s
        ends_at = self._clock.monotonic() + deadline_s
        limit = asyncio.timeout(deadline_s)
        try:
            async with limit:
                plan, prepared = await self._get_ready(request, current, report)
        except Exception as error:
            late = isinstance(error, TimeoutError) and limit.expired()
            return _refused(too_late(deadline_s) if late else error, report)
        return await self._apply(_Ready(request, current, plan, prepared, ends_at), report)

    async def _get_ready(
        self, request: LocalRequest, current: Current, report: Reporter
    ) -> tuple[Plan, Prepared]:
        report.phase(Phase.RESOLVING)
        timestamp_ms = int(report.record().created_at * 1000)
        settings = settings_after(current.state, request, timestamp_ms)
        surroundings = self._core.surroundings(settings)

        def decide() -> Plan:
            incoming = read_recipes(request.recipe_paths, current.recipes.values())
            return make_plan(current, request, incoming, surroundings, timestamp_ms)

        plan = await asyncio.to_thread(decide)
        for warning in plan.warnings:
            report.warn(warning)
        self._core.plan(plan.state)
        files = await self._with_owners(plan)
        for spec in plan.specs.values():
            for trouble in await self._core.warnings_of(spec):
                report.warn(trouble)
        if request.validate_s is not None:
            changed = changed_configurations(current.specs, plan.specs)
            await self._consent.check(_occasion(request.validate_s, report), changed)
        report.phase(Phase.PREPARING)
        environment = self._core.script_environment
        order = Order(plan, tuple(files), environment, offline=request.offline)
        prepared = await self._preparation.prepare(order, report.image)
        for warning in prepared.warnings:
            report.warn(warning)
        if request.notify_s is not None:
            await self._announce(_occasion(request.notify_s, report), prepared)
        return with_images(plan, prepared.images), prepared

    async def _announce(self, occasion: Occasion, prepared: Prepared) -> None:
        try:
            await self._consent.announce(occasion)
        except BaseException:
            await self._preparation.drop(prepared)
            raise

    async def _with_owners(self, plan: Plan) -> list[ComponentFiles]:
        return [
            replace(files, owner=await self._core.owner_of(plan.specs[files.component]))
            for files in plan.files
        ]

    async def _apply(self, ready: _Ready, report: Reporter) -> DeploymentRecord:
        plan = with_content(ready.plan, ready.prepared.staged)
        try:
            report.phase(Phase.APPLYING)
            await self._applier.swap(ready.prepared)
            wanted = self._applier.try_out(plan)
        except Exception as error:
            return await self._unswapped(error, ready, report)
        broken = self._applier.broken(ready.before.specs)
        try:
            left_s = max(1.0, ready.ends_at - self._clock.monotonic())
            await self._applier.run(wanted, left_s, self._teller(report))
            self._applier.commit(plan)
        except Exception as error:
            _log_defect(error)
            return await self._failed(error, replace(ready, plan=plan), broken, report)
        warnings = await self._applier.remove(plan.removed, self._limits.removal_s)
        for warning in (*warnings, *await self._applier.tidy(ready.prepared, verified=True)):
            report.warn(warning)
        return succeeded(report.record())

    def _teller(self, report: Reporter) -> Callable[[Sequence[Soaking]], None]:
        def tell(soaking: Sequence[Soaking]) -> None:
            now = self._clock.now()
            report.asking([_waiting(one, now) for one in soaking])

        return tell

    async def _unswapped(
        self, error: Exception, ready: _Ready, report: Reporter
    ) -> DeploymentRecord:
        """The files could not be put in place, or what components set since it was planned can't
        be run with it; no component has been changed."""
        try:
            await self._applier.unswap(ready.prepared)
        except (OSError, GreendockError) as second:
            _log.exception("the old files could not be brought back")
            failure = not_restored(failure_of(error), failure_of(second))
            return failed(report.record(), failure, DetailedStatus.FAILED_UNABLE_TO_ROLLBACK)
        return _refused(error, report)

    async def _failed(
        self, error: Exception, ready: _Ready, broken: frozenset[str], report: Reporter
    ) -> DeploymentRecord:
        failure = failure_of(error)
        report.fail(failure)
        if ready.request.failure_policy is FailurePolicy.DO_NOTHING:
            try:
                self._applier.commit(_with_removed(ready.plan, ready.before))
            except GreendockError as second:
                report.warn(f"{second.explain()}; what can't be stored can't be kept: going back")
            else:
                for warning in await self._applier.tidy(ready.prepared, verified=False):
                    report.warn(warning)
                return ended(report.record(), DetailedStatus.FAILED_ROLLBACK_NOT_REQUESTED)
        report.phase(Phase.ROLLING_BACK)
        second_failure = await self._go_back(ready, broken)
        if second_failure is None:
            return ended(report.record(), DetailedStatus.FAILED_ROLLBACK_COMPLETE)
        both = not_restored(failure, second_failure)
        return failed(report.record(), both, DetailedStatus.FAILED_UNABLE_TO_ROLLBACK)

    async def _go_back(self, ready: _Ready, broken: frozenset[str]) -> Failure | None:
        """Files, components and settings from before; why that was not possible. A step that
        fails does not keep the ones after it from being tried."""
        before, trouble = ready.before, None
        try:
            await self._applier.unswap(ready.prepared)
        except Exception as error:
            _log.exception("the old files could not be brought back")
            trouble = failure_of(error)
        added = [name for name in ready.plan.specs if name not in before.specs]
        for warning in await self._applier.remove(added, self._limits.removal_s):
            trouble = trouble or Failure(warning, ("REMOVE_COMPONENT_ERROR",))
        try:
            await self._applier.run_again(broken, self._limits.rollback_s)
        except Exception as error:
            _log.exception("the old components could not be brought back")
            trouble = trouble or failure_of(error)
        return trouble


def _waiting(one: Soaking, now: float) -> ComponentWaiting:
    # Whole seconds, since the same wait is told at every look.
    until = None if one.left_s is None else float(round(now + one.left_s))
    return ComponentWaiting(one.component, Asked.HEALTH, until, message=one.text)


def _occasion(timeout_s: float, report: Reporter) -> Occasion:
    return Occasion(report.record().id, timeout_s, report.asking, report.warn)


def _refused(error: Exception, report: Reporter) -> DeploymentRecord:
    _log_defect(error)
    return failed(report.record(), failure_of(error), DetailedStatus.FAILED_NO_STATE_CHANGE)


def _log_defect(error: Exception) -> None:
    if not isinstance(error, (GreendockError, OSError)):
        _log.error("a deployment failed in a way that nobody foresaw", exc_info=error)


def _with_removed(plan: Plan, before: Current) -> Plan:
    """`plan` as it is left half way: what it would have removed at its end is still there."""
    components = dict(plan.state.components)
    specs = dict(plan.specs)
    recipes = dict(plan.recipes)
    for name in plan.removed:
        components[name] = component = before.state.components[name]
        if name in before.specs:
            specs[name] = before.specs[name]
        key = (name, component.version)
        if key in before.recipes:
            recipes[key] = before.recipes[key]
    state = replace(plan.state, components=components)
    return replace(plan, removed=(), specs=specs, recipes=recipes, state=state)
