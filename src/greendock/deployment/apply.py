"""Switches the device from one set of components to another, and back; one step per method.

Holds no order of steps and no failure policy: executor.py does. Until `commit` the stored state is
the old one, so a core that is killed half way starts with the old set.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial

from greendock.artifacts.model import Staged
from greendock.artifacts.staging import Staging
from greendock.base.crash_points import crash_point
from greendock.base.errors import LifecycleError
from greendock.deployment.current import Current
from greendock.deployment.live import Live
from greendock.deployment.plan import Plan
from greendock.deployment.ports import CoreContext, ImageProvider, Runner
from greendock.deployment.prepared import Prepared
from greendock.deployment.recipe_store import RecipeStore
from greendock.docker.model import EnsuredImage
from greendock.lifecycle.model import ComponentSpec, ComponentView, State
from greendock.lifecycle.order import with_hard_dependers
from greendock.lifecycle.soak import Soaking

_log = logging.getLogger("greendock.deployment")


@dataclass(frozen=True, slots=True)
class Store:
    """Where a deployment's result is kept. `commit` stores a state and that it was committed."""

    staging: Staging
    recipes: RecipeStore
    commit: Callable[[Current], None]
    live: Live


_Wait = Callable[[Iterable[str], float], Awaitable[Mapping[str, ComponentView]]]


class Applier:
    """Carries out the steps of a switch."""

    def __init__(
        self, runner: Runner, core: CoreContext, store: Store, images: ImageProvider
    ) -> None:
        self._runner = runner
        self._core = core
        self._store = store
        self._images = images
        self._leaving: frozenset[str] = frozenset()
        self._removal: asyncio.Task[None] | None = None

    async def swap(self, prepared: Prepared) -> None:
        """Put the staged files in place, and have image names mean the new images.

        Raises OSError and GreendockError; `unswap` has to follow then.
        """
        swaps = [item for item in prepared.staged.values() if item.swaps]
        if swaps:
            await asyncio.to_thread(_each, self._store.staging.swap, swaps)
        crash_point("deployment.files_swapped")
        await self._images.put_in_place(prepared.images)
        crash_point("deployment.swapped")

    async def unswap(self, prepared: Prepared) -> None:
        """The old files and image names again, and nothing staged any more.

        Raises OSError or GreendockError at the end.
        """
        try:
            await asyncio.to_thread(self._unswap_all, list(prepared.staged.values()))
        finally:
            await self._images.put_back()

    def _unswap_all(self, staged: Iterable[Staged]) -> None:
        steps: list[Callable[[], None]] = [self._store.recipes.discard]
        steps += [partial(self._store.staging.undo, item) for item in staged]
        errors = []
        for step in steps:
            try:
                step()
            except OSError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def try_out(self, plan: Plan) -> Current:
        """What is to run of `plan`, with what components have set since it was made.

        Nothing runs by it yet: `run` has to follow at once. Raises ConfigurationError.
        """
        planned = Current(plan.state, plan.specs, plan.recipes)
        return self._store.live.try_out(planned, self._core.surroundings(plan.state))

    async def run(
        self, wanted: Current, deadline_s: float, tell: Callable[[Sequence[Soaking]], None]
    ) -> None:
        """Have the runner run what `try_out` gave, and wait until its components do, and their
        containers have proved themselves; `tell` hears which are waited for.

        Raises LifecycleError when a component is BROKEN or not settled by the deadline.
        """
        touched = self._switch_to(wanted)
        crash_point("deployment.switched")
        wait = partial(self._runner.wait_sound, tell=tell)
        await self._settle(wait, touched, deadline_s)
        crash_point("deployment.sound")

    async def run_again(self, broken: Set[str], deadline_s: float) -> None:
        """Have the runner run what is committed, and wait as `run` does.

        Components that were `broken` before are tried again, but not waited for.
        """
        crash_point("deployment.going_back")
        before = self._store.live.give_up()
        graph = {name: spec.dependencies for name, spec in before.specs.items()}
        touched = self._switch_to(before)
        # What ran before needs no proof.
        names = touched - with_hard_dependers(graph, broken)
        await self._settle(self._runner.wait_settled, names, deadline_s)

    def broken(self, specs: Iterable[str]) -> frozenset[str]:
        """Which of these components are BROKEN now."""
        views = (self._runner.view(name) for name in specs)
        return frozenset(v.name for v in views if v is not None and v.state is State.BROKEN)

    def commit(self, plan: Plan) -> None:
        """Make the plan's state the device's, durably. Raises DeviceError."""
        self._store.commit(Current(plan.state, plan.specs, plan.recipes))
        crash_point("deployment.committed")

    async def tidy(self, prepared: Prepared, *, verified: bool) -> list[str]:
        """After the commit: publish the recipes, let go of old files, note whose images are whose,
        and, when the new state is `verified`, of images that nothing needs. Returns warnings."""
        warnings = []
        staged = list(prepared.staged.values())
        try:
            await asyncio.to_thread(self._store.recipes.publish)
            await asyncio.to_thread(_each, self._store.staging.finish, staged)
        except OSError as error:
            _log.exception("files of a deployment could not be put away")
            warnings.append(f"files of the deployment could not be put away: {error}")
        return [*warnings, *await self._images.settle(prepared.images, clean_up=verified)]

    async def remove(self, names: Iterable[str], deadline_s: float) -> list[str]:
        """Stop and forget components. Returns warnings.

        A removal that takes longer than `deadline_s` goes on while the core does other things; the
        next deployment takes it up again.
        """
        wanted = frozenset(names) | self._leaving
        if not wanted:
            return []
        self._leaving = wanted
        self._removal = asyncio.create_task(self._runner.remove(wanted), name="removal")
        await asyncio.wait([self._removal], timeout=deadline_s)
        if not self._removal.done():
            late = ", ".join(sorted(name for name in wanted if self._runner.view(name)))
            return [f"still being removed after {deadline_s:g} s: {late}"]
        error = None if self._removal.cancelled() else self._removal.exception()
        if error is not None:
            _log.error("components were not removed cleanly", exc_info=error)
            return [f"components were not removed cleanly: {error}"]
        self._leaving = frozenset()
        crash_point("deployment.removed")
        return []

    def _switch_to(self, current: Current) -> frozenset[str]:
        self._core.adopt(current.state)
        touched = self._update(current.specs)
        self._store.live.announce()
        return touched

    def _update(self, specs: Mapping[str, ComponentSpec]) -> frozenset[str]:
        if self._removal is not None:
            self._removal.cancel()
            self._removal = None
        self._leaving -= specs.keys()
        leaving = self._store.live.now.specs.keys() - specs.keys()
        return self._runner.update(specs, leaving | self._leaving)

    async def _settle(self, wait: _Wait, names: Iterable[str], deadline_s: float) -> None:
        try:
            views = await wait(names, deadline_s)
        except TimeoutError as error:
            raise LifecycleError(
                f"cannot finish the deployment: not every component was where it should be within "
                f"{deadline_s:.0f} s{f': {error}' if str(error) else ''}",
                codes=("COMPONENT_UPDATE_ERROR",),
            ) from error
        broken = [view for view in views.values() if view.state is State.BROKEN]
        if broken:
            raise LifecycleError(
                "cannot keep every component running: " + "; ".join(map(_why_broken, broken)),
                codes=("COMPONENT_UPDATE_ERROR", "COMPONENT_BROKEN"),
            )


def with_images(plan: Plan, images: Sequence[EnsuredImage]) -> Plan:
    """`plan` with the ids of each component's images."""
    ids: dict[str, list[str]] = {}
    for image in images:
        for who in image.needed_by:
            ids.setdefault(who.partition(" ")[0], []).append(image.image_id)
    return replace(plan, image_ids={name: tuple(found) for name, found in ids.items()})


def with_content(plan: Plan, staged: Mapping[str, Staged]) -> Plan:
    """`plan` with content ids: what staging found, and which images a component's names mean.

    An image that was built or fetched anew under the same name is new content.
    """
    specs = dict(plan.specs)
    components = dict(plan.state.components)
    for name, item in staged.items():
        images = plan.image_ids.get(name, ())
        content_id = " ".join((item.content_id, *images)).strip()
        specs[name] = replace(specs[name], content_id=content_id)
        components[name] = replace(components[name], content_id=content_id)
    return replace(plan, specs=specs, state=replace(plan.state, components=components))


def _each(work: Callable[[Staged], None], items: Iterable[Staged]) -> None:
    for item in items:
        work(item)


def _why_broken(view: ComponentView) -> str:
    reason = f": {view.status_reason}" if view.status_reason else ""
    return f"{view.name} {view.version} is BROKEN ({view.status_code}{reason})"
