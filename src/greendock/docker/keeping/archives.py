"""Loads image archives that components bring: once for each content, recorded, verified.

A load gives the names in the archive to its images at once. A name that meant another image before
is given back at once, until the deployment is applied. Called by the deployment after the images
of registries are there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from greendock.base.clock import Clock
from greendock.docker.engine.client import Engine
from greendock.docker.engine.image_store import ImageStore
from greendock.docker.engine.model import ImageInfo
from greendock.docker.errors import ArchiveNotLoaded, EngineUnavailable, ImageReferenceError
from greendock.docker.keeping.ledger import ImageLedger, TagMove
from greendock.docker.model import (
    EnsuredImage,
    ImageProgress,
    LoadableArchive,
    ProgressListener,
)
from greendock.docker.ports import ImageSettings, Journal
from greendock.docker.reference import ImageReference, parse_image

_PIECE_BYTES = 1 << 20
_TRIES = 3


@dataclass(frozen=True, slots=True)
class ArchiveTools:
    """What loading needs. `protect`: keeps an image id from clean-up."""

    engine: Engine
    ledger: ImageLedger
    settings: ImageSettings
    journal: Journal
    clock: Clock
    protect: Callable[[str], None]


class Archives:
    """The archives of one engine."""

    def __init__(self, tools: ArchiveTools) -> None:
        self._engine = tools.engine
        self._store = ImageStore(tools.engine)
        self._ledger = tools.ledger
        self._settings = tools.settings
        self._journal = tools.journal
        self._clock = tools.clock
        self._protect = tools.protect

    async def load(
        self, archives: Sequence[LoadableArchive], listener: ProgressListener
    ) -> list[EnsuredImage]:
        """The images of all archives on the device; one after another, since each can be large.

        Raises ArchiveNotLoaded and other DockerErrors, and what obtaining the file raises.
        """
        if archives:
            await self._wait_for_engine()
        found: list[EnsuredImage] = []
        for archive in archives:
            images = await self._known(archive)
            if images is None:
                images = await self._load(archive, listener)
            found += images
        return found

    async def _known(self, archive: LoadableArchive) -> list[EnsuredImage] | None:
        """The images of an archive that was loaded before and is still there whole."""
        images = self._ledger.archive_images(
            archive.component, archive.version, archive.uri, archive.identity
        )
        if images is None:
            return None
        found = []
        for name, image_id in images:
            image = await self._store.find(name)
            if image is None or image.id != image_id:
                return None
            self._protect(image.id)
            found.append(_ensured(archive, name, image, pulled=False, is_unnamed=False))
        self._journal.write(
            "INFO", "docker-archive-present", f"{archive.uri} was loaded before; it is not read"
        )
        return found

    async def _load(
        self, archive: LoadableArchive, listener: ProgressListener
    ) -> list[EnsuredImage]:
        path = await archive.obtain()
        size = (await asyncio.to_thread(path.stat)).st_size
        before = await self._meanings()
        known_ids = self._ledger.begin_load(
            archive.component,
            archive.version,
            archive.uri,
            {image.id for image in await self._store.images()},
        )
        self._journal.write(
            "INFO",
            "docker-archive-load",
            f"loading {archive.uri} of {archive.component} {archive.version}, {size} bytes",
        )
        began = self._clock.monotonic()

        def told(done: int) -> None:
            listener(ImageProgress(archive.uri, "extracting", done, size))

        used = {use.name for use in self._ledger.uses()} & before.keys()
        # Whoever undoes this deployment, also after a crash, finds what these names meant.
        self._ledger.note_moves([TagMove(name, before[name], "") for name in sorted(used)])
        names = await self._send(archive, lambda: _pieces(path, told))
        found = [await self._take_in(archive, name, before, known_ids) for name in names]
        for name in used:
            self._ledger.forget_move(name)
        self._ledger.record_archive(
            archive.component,
            archive.version,
            archive.uri,
            archive.identity,
            {name: image.image_id for name, image in zip(names, found, strict=True)},
        )
        self._journal.write(
            "INFO",
            "docker-archive-loaded",
            f"{archive.uri} brought {', '.join(names)} in {self._clock.monotonic() - began:.1f} s",
        )
        listener(ImageProgress(archive.uri, "pulled", size, size))
        return found

    async def _send(
        self, archive: LoadableArchive, pieces: Callable[[], AsyncIterator[bytes]]
    ) -> tuple[str, ...]:
        """The names that the engine loaded; from the start again when it went away meanwhile."""
        what, deadline_s = f"image archive {archive.uri}", self._settings.pull_deadline_s
        for _ in range(_TRIES - 1):
            try:
                return await self._store.load(pieces(), what, deadline_s)
            except EngineUnavailable as error:
                self._journal.write("WARN", "docker-archive-retry", error.explain())
                await self._wait_for_engine()
        return await self._store.load(pieces(), what, deadline_s)

    async def _wait_for_engine(self) -> None:
        await self._engine.wait_until_ready(
            self._settings.engine_wait_s,
            lambda note: self._journal.write("WARN", "docker-engine-wait", note),
        )

    async def _take_in(
        self,
        archive: LoadableArchive,
        name: str,
        before: dict[str, str],
        known_ids: Collection[str],
    ) -> EnsuredImage:
        image = await self._store.find(name)
        if image is None:
            raise ArchiveNotLoaded(
                f"cannot load image archive {archive.uri}: the engine said that it loaded {name}, "
                "but has no such image"
            )
        self._protect(image.id)
        reference = _reference(name)
        if image.id not in known_ids:
            names = [reference.canonical] if reference else []
            self._ledger.bring(image.id, "loaded", image.size_bytes, names)
        is_unnamed = False
        if reference is not None:
            self._ledger.named(reference.canonical, image.id)
            old = before.get(reference.canonical)
            is_unnamed = old is not None and old != image.id
            if is_unnamed and old is not None:
                # Until the deployment is applied the name means what it meant.
                await self._store.tag(old, reference.familiar_name, reference.tag or "latest")
        return _ensured(archive, name, image, pulled=True, is_unnamed=is_unnamed)

    async def _meanings(self) -> dict[str, str]:
        """What each tag means now, by canonical name."""
        found = {}
        for image in await self._store.images():
            for tag in image.repo_tags:
                reference = _reference(tag)
                if reference is not None:
                    found[reference.canonical] = image.id
        return found


def _ensured(
    archive: LoadableArchive, name: str, image: ImageInfo, *, pulled: bool, is_unnamed: bool
) -> EnsuredImage:
    return EnsuredImage(
        archive.uri,
        image.id,
        None,
        pulled,
        reference=_reference(name),
        is_unnamed=is_unnamed,
        needed_by=(f"{archive.component} {archive.version}",),
        size_bytes=image.size_bytes,
    )


def _reference(name: str) -> ImageReference | None:
    """None for an image that has an id only."""
    if name.startswith("sha256:"):
        return None
    try:
        return parse_image(name)
    except ImageReferenceError:
        return None


async def _pieces(path: Path, told: Callable[[int], None]) -> AsyncIterator[bytes]:
    done = 0
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            done += len(piece)
            told(done)
            yield piece
