"""Removes images that nothing needs: carries out what `cleanup` decides.

Never by force: what a container needs stays. An engine that is away leaves everything for the next
time. Called after deployments, by `image prune` and when a disk fills.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from greendock.docker.engine.image_store import ImageStore
from greendock.docker.errors import DockerError, EngineUnavailable, ImageInUse
from greendock.docker.keeping.cleanup import ImageFate, decide, gone
from greendock.docker.keeping.image_record import LedgerRecord
from greendock.docker.keeping.ledger import ImageLedger
from greendock.docker.ports import Journal

_WAITS_S = 3600.0
"""How long a loaded image that nothing has used yet is kept for whoever loaded it."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What a clean-up came to. `freed_bytes`: sizes as the engine gives them, shared layers
    counted with each image."""

    removed: tuple[ImageFate, ...] = ()
    kept: tuple[ImageFate, ...] = ()
    freed_bytes: int = 0
    warnings: tuple[str, ...] = ()


class ImageRemoval:
    """Clean-up of one engine's images; one at a time."""

    def __init__(
        self, store: ImageStore, ledger: ImageLedger, record: LedgerRecord, journal: Journal
    ) -> None:
        self._store = store
        self._record = record
        self._ledger = ledger
        self._journal = journal
        self._busy = asyncio.Lock()

    async def look(
        self, protected: Collection[str], *, by_itself: bool = False
    ) -> list[ImageFate]:
        """What becomes of each image. `by_itself`: nobody asked for it, so that images which were
        just brought for a deployment that still waits are kept. Raises DockerError, DeviceError.
        """
        await self.settle_intents()
        containers = await self._store.containers()
        stored = await self._store.images()
        if stored:  # an engine with no image at all may have lost its disk for a while
            for image_id in gone(self._ledger.view(), stored):
                if await self._store.find(image_id) is None:  # lists leave some images out
                    self._ledger.forget(image_id)
        recent = self._ledger.waiting_since(_WAITS_S) if by_itself else frozenset()
        # Read last: what a deployment noted meanwhile counts.
        return decide(self._ledger.view(), stored, containers, {*protected, *recent})

    async def prune(
        self, protected: Collection[str], *, dry_run: bool = False, by_itself: bool = False
    ) -> Removed:
        """Remove what may go. `protected` may change meanwhile. Raises DockerError, DeviceError
        where nothing could be looked at."""
        async with self._busy:
            fates = await self.look(protected, by_itself=by_itself)
            going = [fate for fate in fates if fate.remove or fate.goes_whole]
            kept = [fate for fate in fates if not fate.goes_whole]
            if dry_run:
                whole = [fate for fate in going if fate.goes_whole]
                freed = sum(fate.size_bytes for fate in whole)
                return Removed(tuple(whole), tuple(kept), freed)
            removed, warnings = [], []
            for fate in going:
                if fate.image_id in protected or self._ledger.is_used(fate.image_id):
                    continue
                try:
                    is_gone = await self._remove(fate)
                except DockerError as error:
                    warnings.append(error.explain())
                    self._journal.write("WARN", "docker-image-kept", error.explain())
                    if isinstance(error, EngineUnavailable):
                        break  # each further question would wait as long
                    continue
                if is_gone:
                    removed.append(fate)
            freed = sum(fate.size_bytes for fate in removed)
            return Removed(tuple(removed), tuple(kept), freed, tuple(warnings))

    async def _remove(self, fate: ImageFate) -> bool:
        """Whether the image is gone."""
        shown = fate.names[0] if fate.names else fate.image_id
        try:
            for name in fate.remove:
                meant = await self._store.find(name)
                if meant is not None and meant.id == fate.image_id:
                    await self._store.remove(name)
            if fate.goes_whole:
                await self._store.remove(fate.image_id)
        except ImageInUse as error:
            self._journal.write("INFO", "docker-image-kept", f"{shown} stays: {error.message}")
            return False
        if await self._store.find(fate.image_id) is not None:
            return False
        self._ledger.forget(fate.image_id)
        self._journal.write(
            "INFO",
            "docker-image-removed",
            f"{shown} ({fate.image_id}) was removed: {fate.why}; {fate.size_bytes} bytes",
            image=shown,
        )
        return True

    async def settle_intents(self) -> None:
        """Pulls that were cut off from their note: what came of them is ours. Raises DockerError,
        DeviceError."""
        for intent in self._ledger.intents():
            if intent.name in self._record.active:
                continue
            image = await self._store.find(intent.name)
            if image is None:
                self._ledger.drop_intent(intent.name)
            else:
                self._ledger.arrived(intent.name, image.id, image.size_bytes)
