"""The image work, built when a deployment first needs an image.

A core that runs no container component never loads an HTTP client; the core starts without an
engine and without looking for one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from greendock.docker.model import EnsuredImage, ImageRequest, ProgressListener
from greendock.docker.ports import Journal
from greendock.ipc.ports import EngineView

if TYPE_CHECKING:
    from greendock.daemon.core_settings import CoreSettings
    from greendock.docker.engine import Engine
    from greendock.docker.images import Images


class LazyImages:
    """Implements deployment.ports.ImageProvider."""

    def __init__(self, settings: CoreSettings, journal: Journal) -> None:
        self._settings = settings
        self._journal = journal
        self._engine: Engine | None = None
        self._images: Images | None = None

    async def ensure(
        self, requests: Sequence[ImageRequest], listener: ProgressListener
    ) -> list[EnsuredImage]:
        return await self._built().ensure(requests, listener)

    def _built(self) -> Images:
        """The image work for the engine of the device's configuration."""
        if self._images is None:
            from greendock.docker.engine import Engine
            from greendock.docker.images import Images

            host = self._settings.current.docker.host
            self._engine = Engine.from_environment(host, os.environ)
            self._images = Images(self._engine, self._settings, self._journal)
        return self._images

    def view(self) -> EngineView | None:
        if self._engine is None:
            return None
        return EngineView(str(self._engine.address), "used")

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.close()
        self._engine = self._images = None
