"""Fetches and stages everything a plan needs, images and files side by side.

Nothing of the running system is touched here; whatever fails or is cancelled, the staged files go
again.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

from greendock.artifacts.staging import ComponentFiles, Staged, Staging
from greendock.deployment.ports import ImageProvider
from greendock.docker.model import EnsuredImage, ImageRequest, ProgressListener


async def prepare(
    images: ImageProvider,
    staging: Staging,
    wanted_images: Sequence[ImageRequest],
    wanted_files: Sequence[ComponentFiles],
    listener: ProgressListener,
) -> tuple[list[EnsuredImage], dict[str, Staged]]:
    """The images that are on the device now, and the staged files by component.

    Raises the first GreendockError; the other half is cancelled then and nothing stays staged.
    """
    staged: dict[str, Staged] = {}
    try:
        try:
            async with asyncio.TaskGroup() as group:
                pulling = group.create_task(_ensure(images, wanted_images, listener))
                group.create_task(_stage_all(staging, wanted_files, staged))
        except BaseExceptionGroup as errors:
            raise _first(errors) from errors
    except BaseException:
        for item in staged.values():
            staging.undo(item)
        raise
    return pulling.result(), staged


async def _ensure(
    images: ImageProvider, wanted: Sequence[ImageRequest], listener: ProgressListener
) -> list[EnsuredImage]:
    return await images.ensure(wanted, listener) if wanted else []


async def _stage_all(
    staging: Staging, wanted: Sequence[ComponentFiles], staged: dict[str, Staged]
) -> None:
    for files in wanted:
        staged[files.component] = await _in_thread(
            lambda cancelled, files=files: staging.stage(files, cancelled)  # type: ignore[misc]
        )


async def _in_thread(work: Callable[[threading.Event], Staged]) -> Staged:
    """Run blocking `work`; on cancel it is told, and waited for, so that nothing writes later."""
    cancelled = threading.Event()
    task = asyncio.ensure_future(asyncio.to_thread(work, cancelled))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        cancelled.set()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            return _first(error)
        return error
    return errors
