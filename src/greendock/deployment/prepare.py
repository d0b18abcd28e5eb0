"""Fetches and stages everything a plan needs: images, files and recipes, side by side.

First it looks how much there is to fetch and whether it fits, then it fetches. Nothing of the
running system is touched here; whatever fails or is cancelled, what was staged goes again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from greendock.artifacts.model import (
    ComponentFiles,
    DownloadPlan,
    DownloadProgress,
    Staged,
)
from greendock.artifacts.ports import DownloadListener
from greendock.artifacts.staging import Staging
from greendock.base.errors import DeviceError, GreendockError
from greendock.deployment.blocking_work import in_thread
from greendock.deployment.compose_fetch import ComposeFetch, ComposeOrder
from greendock.deployment.compose_images import ScriptEnvironment
from greendock.deployment.plan import Plan
from greendock.deployment.ports import Downloader, ImageProvider
from greendock.deployment.prepared import Prepared
from greendock.deployment.recipe_store import RecipeStore
from greendock.docker.model import (
    EnsuredImage,
    ImageProgress,
    ImageWait,
    LoadableArchive,
    ProgressListener,
)

if TYPE_CHECKING:
    from greendock.docker.pulling.images import ImageWork

_R = TypeVar("_R")
_S = TypeVar("_S")

_log = logging.getLogger("greendock.deployment")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be prepared. `offline`: what is on the device is used, no registry is asked.
    `environment`: for the scripts that name compose files."""

    plan: Plan
    files: tuple[ComponentFiles, ...]
    environment: ScriptEnvironment
    offline: bool = False


@dataclass(frozen=True, slots=True)
class Sources:
    """Where images and files come from."""

    images: ImageProvider
    downloads: Downloader


class Preparation:
    """Prepares one plan at a time."""

    def __init__(self, sources: Sources, staging: Staging, recipes: RecipeStore) -> None:
        self._images = sources.images
        self._downloads = sources.downloads
        self._staging = staging
        self._recipes = recipes
        self._compose = ComposeFetch(sources.images, staging)

    async def prepare(self, order: Order, listener: ProgressListener) -> Prepared:
        """Everything on the device, staged. Raises the first error; the rest is cancelled then
        and nothing stays staged."""
        staged: dict[str, Staged] = {}
        files = [self._with_loaded(each) for each in order.files]
        try:
            work, downloads = await _both(
                self._look_for_images(order, listener),
                self._downloads.look(files, _as_image(listener), offline=order.offline),
            )
            images, _ = await _both(
                self._get_images(work, downloads, listener),
                self._get_files(order, downloads, staged, listener),
            )
            await self._downloads.finish(downloads)
            warnings = list(downloads.warnings)
            wanted = ComposeOrder(
                order.plan.specs, staged, tuple(images), order.environment, order.offline
            )
            images += await self._compose.fetch(wanted, listener, warnings)
        except BaseException:
            await self._drop(staged)
            raise
        warnings += [x.warning for x in images if x.warning]
        return Prepared(tuple(images), staged, tuple(warnings))

    async def drop(self, prepared: Prepared) -> None:
        """What was prepared is not applied after all: nothing stays staged."""
        await self._drop(prepared.staged)

    async def _drop(self, staged: Mapping[str, Staged]) -> None:
        await asyncio.shield(asyncio.to_thread(self._clear, list(staged.values())))
        await self._put_back()

    async def _look_for_images(self, order: Order, listener: ProgressListener) -> ImageWork | None:
        if not order.plan.images:
            return None
        return await self._images.look(order.plan.images, listener, offline=order.offline)

    async def _get_images(
        self, work: ImageWork | None, downloads: DownloadPlan, listener: ProgressListener
    ) -> list[EnsuredImage]:
        images = await self._images.fetch(work) if work is not None else []
        if downloads.archives:
            images += await self._images.load(
                [
                    LoadableArchive(a.component, a.version, a.uri, a.identity, a.obtain)
                    for a in downloads.archives
                ],
                listener,
            )
        return images

    async def _get_files(
        self,
        order: Order,
        downloads: DownloadPlan,
        staged: dict[str, Staged],
        listener: ProgressListener,
    ) -> None:
        folders = await self._downloads.fetch(downloads, _as_image(listener))
        wanted = [replace(files, folders=(*files.folders, *folders)) for files in downloads.files]
        await self._stage_all(order.plan, wanted, staged)

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

        await in_thread(work)

    def _with_loaded(self, files: ComponentFiles) -> ComponentFiles:
        if not files.archives:
            return files
        return replace(files, loaded=self._images.loaded_archives(files.component, files.version))

    async def _put_back(self) -> None:
        try:
            await self._images.put_back()
        except GreendockError:
            _log.exception("the images of a deployment that failed could not be put back")

    def _clear(self, staged: Sequence[Staged]) -> None:
        try:
            self._recipes.discard()
            for item in staged:
                self._staging.undo(item)
        except OSError:
            _log.exception("what was staged could not be removed; the next start does it")


def _as_image(listener: ProgressListener) -> DownloadListener:
    """News of files for whoever listens to images: both are bytes on their way."""

    def tell(news: DownloadProgress) -> None:
        wait = None
        if news.last_error is not None:
            wait = ImageWait(news.attempt, news.next_try_at, news.last_error)
        listener(
            ImageProgress(
                news.uri,
                news.phase,
                news.current_bytes,
                news.total_bytes,
                note=f"attempt {news.attempt} failed: {news.last_error}" if wait else None,
                wait=wait,
            )
        )

    return tell


async def _both(first: Coroutine[Any, Any, _R], second: Coroutine[Any, Any, _S]) -> tuple[_R, _S]:
    """Side by side; the first error cancels the other one and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = group.create_task(first), group.create_task(second)
    except BaseExceptionGroup as errors:
        raise _first(errors) from errors
    return tasks[0].result(), tasks[1].result()


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            return _first(error)
        return error
    return errors
