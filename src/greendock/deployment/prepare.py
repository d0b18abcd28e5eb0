"""Fetches and stages everything a plan needs: images, files and recipes, side by side.

Nothing of the running system is touched here; whatever fails or is cancelled, what was staged goes
again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence

from greendock.artifacts.model import ComponentFiles, Staged
from greendock.artifacts.staging import Staging
from greendock.base.errors import DeviceError
from greendock.deployment.plan import Plan
from greendock.deployment.ports import ImageProvider
from greendock.deployment.recipe_store import RecipeStore
from greendock.docker.model import EnsuredImage, ImageRequest, ProgressListener

_log = logging.getLogger("greendock.deployment")
_CANCEL_GRACE_S = 60.0
"""How long a cancelled thread may take to hear of it: it looks between blocks of a file."""


class Preparation:
    """Prepares one plan at a time."""

    def __init__(self, images: ImageProvider, staging: Staging, recipes: RecipeStore) -> None:
        self._images = images
        self._staging = staging
        self._recipes = recipes

    async def prepare(
        self, plan: Plan, files: Sequence[ComponentFiles], listener: ProgressListener
    ) -> tuple[list[EnsuredImage], dict[str, Staged]]:
        """The images that are on the device now, and the staged files by component.

        Raises the first error; the other half is cancelled then and nothing stays staged.
        """
        staged: dict[str, Staged] = {}
        try:
            try:
                async with asyncio.TaskGroup() as group:
                    pulling = group.create_task(self._ensure(plan.images, listener))
                    group.create_task(self._stage_all(plan, files, staged))
            except BaseExceptionGroup as errors:
                raise _first(errors) from errors
        except BaseException:
            await asyncio.shield(asyncio.to_thread(self._clear, list(staged.values())))
            raise
        return pulling.result(), staged

    async def _ensure(
        self, wanted: Sequence[ImageRequest], listener: ProgressListener
    ) -> list[EnsuredImage]:
        return await self._images.ensure(wanted, listener) if wanted else []

    async def _stage_all(
        self, plan: Plan, wanted: Sequence[ComponentFiles], staged: dict[str, Staged]
    ) -> None:
        def work(cancelled: threading.Event) -> None:
            try:
                self._recipes.stage(plan.incoming)
            except OSError as error:
                raise DeviceError.of("store the recipes", error) from error
            for files in wanted:
                if cancelled.is_set():
                    raise InterruptedError
                staged[files.component] = self._staging.stage(files, cancelled)

        await _in_thread(work)

    def _clear(self, staged: Sequence[Staged]) -> None:
        try:
            self._recipes.discard()
            for item in staged:
                self._staging.undo(item)
        except OSError:
            _log.exception("what was staged could not be removed; the next start does it")


async def _in_thread(work: Callable[[threading.Event], None]) -> None:
    """Run blocking `work`; on cancel it is told and waited for, so that nothing writes later.

    A thread that doesn't hear (a file server that hangs) is left behind: it can't be ended.
    """
    cancelled = threading.Event()
    task = asyncio.ensure_future(asyncio.to_thread(work, cancelled))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        cancelled.set()
        await asyncio.wait([task], timeout=_CANCEL_GRACE_S)
        if task.done() and not task.cancelled():
            task.exception()
        raise


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            return _first(error)
        return error
    return errors
