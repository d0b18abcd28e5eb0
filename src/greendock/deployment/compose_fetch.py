"""Fetches the images that compose files name, once the files are staged.

What they name is found out by compose_images.py. Honours the pull policy; asks for nothing that
an artifact has brought. Called while a deployment is prepared; touches nothing that runs.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from greendock.artifacts.model import Staged
from greendock.artifacts.staging import Staging
from greendock.base.errors import GreendockError, Retry
from greendock.deployment.blocking_work import in_thread
from greendock.deployment.compose_images import (
    ComposeReader,
    ScriptEnvironment,
    Wanted,
    uses_compose,
    wanted_images,
)
from greendock.deployment.ports import ImageProvider
from greendock.docker.errors import EngineUnavailable
from greendock.docker.model import EnsuredImage, ProgressListener
from greendock.lifecycle.model import ComponentSpec


@dataclass(frozen=True, slots=True)
class ComposeOrder:
    """What there is to look at. `staged` by component; `present`: what artifacts brought."""

    specs: Mapping[str, ComponentSpec]
    staged: Mapping[str, Staged]
    present: tuple[EnsuredImage, ...]
    environment: ScriptEnvironment
    offline: bool = False


class ComposeFetch:
    """For one deployment at a time."""

    def __init__(self, images: ImageProvider, staging: Staging) -> None:
        self._images = images
        self._staging = staging

    async def fetch(
        self, order: ComposeOrder, listener: ProgressListener, warnings: list[str]
    ) -> list[EnsuredImage]:
        """All of them, on the device. Raises the first error; what is no reason to fail is added
        to `warnings`."""
        wanted = await self._read(order, warnings)
        if not wanted.requests:
            return list(wanted.shared)
        try:
            work = await self._images.look(wanted.requests, listener, offline=order.offline)
        except EngineUnavailable as error:
            # The component may be about to install it. Compose fetches them when it starts.
            warnings.append(f"images of compose files are not fetched yet: {error.message}")
            return list(wanted.shared)
        except GreendockError as error:
            if order.offline or error.retry is not Retry.NEVER:
                raise
            # Compose starts from what is there: a local image that no registry has will do.
            work = await self._images.look(wanted.requests, listener, offline=True)
            warnings.append(f"{error.message}: the image on the device is used")
        return [*wanted.shared, *await self._images.fetch(work)]

    async def _read(self, order: ComposeOrder, warnings: list[str]) -> Wanted:
        readers = []
        for name, item in order.staged.items():
            spec = order.specs[name]
            if uses_compose(spec.steps):
                work_folder, places = self._staging.places(item)
                readers.append(ComposeReader(spec, work_folder, places, order.environment))
        named: list[tuple[str, str]] = []

        def work(cancelled: threading.Event) -> None:
            for reader in readers:
                if cancelled.is_set():
                    raise InterruptedError
                named.extend((reader.who, image) for image in reader.images(warnings))

        if readers:
            await in_thread(work)
        return wanted_images(named, order.present, warnings)
