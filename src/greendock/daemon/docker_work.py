"""The Docker application manager of this core, built when it is first needed.

A core that runs no container component never loads an HTTP client; the core starts without an
engine and without looking for one. Wires the rooms of `docker/`; decides nothing.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from greendock.base.clock import Clock
from greendock.base.errors import GreendockError
from greendock.daemon.docker_access import engine_exists
from greendock.docker.errors import EngineUnavailable
from greendock.docker.keeping.ledger import ImageLedger
from greendock.docker.model import (
    EnsuredImage,
    ImageRequest,
    LoadableArchive,
    ProgressListener,
)
from greendock.docker.ports import Journal
from greendock.docker.reference import canonical_name
from greendock.ipc.ports import BundledImageName, EngineView

if TYPE_CHECKING:
    from greendock.daemon.core_settings import CoreSettings
    from greendock.daemon.docker_parts import DockerParts
    from greendock.daemon.outside import Outside
    from greendock.docker.engine.client import Engine
    from greendock.docker.engine.containers import ContainerStore
    from greendock.docker.engine.model import EngineInfo
    from greendock.docker.pulling.images import ImageWork

_log = logging.getLogger("greendock")


class DockerWork:
    """Implements deployment.ports.ImageProvider."""

    def __init__(
        self, settings: CoreSettings, journal: Journal, ledger: ImageLedger, clock: Clock
    ) -> None:
        self._settings = settings
        self.journal = journal
        self._ledger = ledger
        self._clock = clock
        self._outside: Outside | None = None
        self._engine: Engine | None = None
        self._parts: DockerParts | None = None
        self._proxy_text: str | None = None

    def use(self, outside: Outside) -> None:
        """What there is of the world outside; given once, before anything is asked for."""
        self._outside = outside

    @property
    def engine_info(self) -> EngineInfo | None:
        """What is known of the engine by now."""
        return self._parts.platform.known_info if self._parts else None

    @property
    def engine(self) -> Engine:
        """The client of the engine alone, which loads little. Raises EngineAddressError."""
        if self._engine is None:
            from greendock.docker.engine.client import Engine

            host = self._settings.current.docker.host
            self._engine = Engine.from_environment(host, os.environ)
        return self._engine

    @property
    def parts(self) -> DockerParts:
        """The rooms; built at the first use. Raises EngineAddressError."""
        if self._parts is None:
            self._parts = self._build()
        return self._parts

    def engine_exists(self) -> bool:
        """Whether there may be an engine: its socket is there, or it is on another machine."""
        return engine_exists(self._settings.current.docker.host)

    def containers(self) -> ContainerStore:
        """The containers of this engine. Raises EngineUnavailable where there is none, without
        loading an HTTP client."""
        from greendock.docker.engine.containers import ContainerStore

        if self._parts is None and not self.engine_exists():
            raise EngineUnavailable("cannot ask for containers: there is no engine here")
        return ContainerStore(self.engine)

    # -- deployment.ports.ImageProvider

    async def look(
        self, requests: Sequence[ImageRequest], listener: ProgressListener, *, offline: bool
    ) -> ImageWork:
        work = await self.parts.images.look(requests, listener, offline=offline)
        self._explain_proxies()
        return work

    async def fetch(self, work: ImageWork) -> list[EnsuredImage]:
        return await self.parts.images.fetch(work)

    async def load(
        self, archives: Sequence[LoadableArchive], listener: ProgressListener
    ) -> list[EnsuredImage]:
        return await self.parts.archives.load(archives, listener)

    def loaded_archives(self, component: str, version: str) -> dict[str, str]:
        return self._ledger.archive_identities(component, version)

    async def put_in_place(self, images: Sequence[EnsuredImage]) -> None:
        if images:
            await self.parts.change.put_in_place(images)

    async def put_back(self) -> None:
        if self._parts is not None:
            await self._parts.change.put_back()

    async def settle(self, images: Sequence[EnsuredImage], *, clean_up: bool) -> list[str]:
        try:
            if clean_up:
                self._forget_made()
            view = self._ledger.view()
            if not images and not view.uses and not view.brought and self._parts is None:
                return []
            return await self.parts.change.settle(images, clean_up=clean_up)
        except GreendockError as error:
            self.journal.write("WARN", "docker-cleanup-failed", error.explain())
            return [f"images could not be tidied up: {error.explain()}"]

    def _forget_made(self) -> None:
        """Images that scripts made are needed as long as their component version is deployed."""
        deployed = self._settings.planned.components.values()
        self._ledger.forget_made({(one.name, one.version) for one in deployed})

    # -- ipc.ports.BundleImages

    def register(self, images: Sequence[BundledImageName]) -> None:
        """Images of a bundle: known by every name that they have, and ours where it brought
        them."""
        for image in images:
            names = [image.reference]
            if image.digest:
                names.append(f"{image.reference.partition('@')[0]}@{image.digest}")
            found = [canonical_name(name) for name in names if name]
            if image.is_loaded:
                self._ledger.bring(image.image_id, "loaded", 0, found)
            for name in found:
                if "@" in name:
                    self._ledger.alias(name, image.image_id)

    def image_ids(self, component: str, version: str) -> dict[str, str]:
        """The images of a deployed component, by URI."""
        return {
            use.uri: use.image_id
            for use in self._ledger.uses()
            if (use.component, use.version) == (component, version)
        }

    # -- the core's start, life and end

    async def keep_below_watermark(self) -> None:
        """Make room when the engine's disk is too full; not for a core that brought nothing."""
        if self._ledger.view().brought:
            await self.parts.watermark.keep()

    async def recover(self, *, committed: bool) -> None:
        """Put tags right that a deployment left half moved. Raises nothing."""
        if not self._ledger.moves():
            return
        try:
            if committed:  # needs no engine, which may take its time at boot
                self._ledger.forget_moves()
                return
            await self.parts.engine.wait_until_ready(
                self._settings.engine_wait_s,
                lambda note: self.journal.write("WARN", "docker-engine-wait", note),
            )
            await self.parts.change.recover()
        except Exception as error:
            text = f"image names that a deployment left half changed stay so for now: {error}"
            self.journal.write("ERROR", "docker-names-not-restored", text)
            _log.exception("image names could not be put right")

    def view(self) -> EngineView | None:
        """The engine as `GetCoreStatus` tells it; a configured one also before its first use."""
        if self._parts is not None:
            return EngineView(str(self._parts.engine.address), "used")
        host = self._settings.current.docker.host
        return None if host is None else EngineView(host, "not used yet")

    def _explain_proxies(self) -> None:
        """Say once for each change when the engine uses another proxy than the core."""
        from greendock.docker.engine.proxy import proxy_mismatch

        info = self.engine_info
        if info is None or self._outside is None:
            return
        text = proxy_mismatch(self._outside.own_proxies, info)
        if text is not None and text != self._proxy_text:
            self.journal.write("WARN", "docker-proxy-differs", text)
        self._proxy_text = text

    async def close(self) -> None:
        self._parts = None
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.close()

    def _build(self) -> DockerParts:
        from greendock.daemon.docker_parts import Needs, build

        if self._outside is None:
            raise RuntimeError("the image work has no world outside")
        parts = (self._settings, self.journal, self._ledger, self._clock, self._outside)
        return build(Needs(self.engine, *parts))
