"""The images of one deployment after they are on the device: put in place, put back, settled.

Keeps the ledger exact: what a deployment works with is protected, what it put in place is noted
before it is relied on, and what nothing needs any more goes when the new state is verified. One
deployment at a time. Called by the deployment, and at the start of a core.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence

from greendock.base.errors import GreendockError
from greendock.docker.keeping.cleanup import ImageFate
from greendock.docker.keeping.image_removal import ImageRemoval, Removed
from greendock.docker.keeping.ledger import ImageLedger, ImageUse
from greendock.docker.keeping.tag_switch import TagSwitch
from greendock.docker.model import EnsuredImage
from greendock.docker.ports import Journal
from greendock.docker.pulling.space import in_words

_log = logging.getLogger("greendock.docker")
_CLEAN_UP_DEADLINE_S = 120.0


class ImageChange:
    """For one engine."""

    def __init__(
        self, ledger: ImageLedger, tags: TagSwitch, removal: ImageRemoval, journal: Journal
    ) -> None:
        self._ledger = ledger
        self._tags = tags
        self._removal = removal
        self._journal = journal
        self._protected: set[str] = set()
        self._before: tuple[ImageUse, ...] | None = None

    @property
    def protected(self) -> frozenset[str]:
        """Images that a deployment is working with."""
        return frozenset(self._protected)

    def protect(self, image_id: str) -> None:
        """A deployment needs this image, though nothing says so yet."""
        self._protected.add(image_id)

    async def put_in_place(self, images: Sequence[EnsuredImage]) -> None:
        """Tags mean the new images, and whose they are is noted beside what was known.

        Raises DockerError, DeviceError; `put_back` undoes what was done until then.
        """
        self._protected.update(image.image_id for image in images)
        self._before = self._ledger.uses()
        self._ledger.add_uses(uses_of(images))
        moves = {
            image.reference.canonical: (image.reference, image.image_id)
            for image in images
            if image.is_unnamed and image.reference is not None
        }
        if moves:
            await self._tags.switch(list(moves.values()))

    async def put_back(self) -> None:
        """As it was before `put_in_place`. Raises DockerError, DeviceError."""
        before, self._before = self._before, None
        self._protected.clear()
        if before is not None:
            self._ledger.replace_uses(before)
        if self._ledger.moves():
            await self._tags.switch_back()

    async def settle(self, images: Sequence[EnsuredImage], *, clean_up: bool) -> list[str]:
        """`images` are those of everything that is deployed now. Returns warnings."""
        self._before = None
        self._protected.clear()
        try:
            self._tags.commit()
            uses = uses_of(images)
            if clean_up:
                self._ledger.replace_uses(uses)
            else:
                self._ledger.add_uses(uses)
            return await self._clean_up() if clean_up and self._ledger.view().brought else []
        except GreendockError as error:
            self._journal.write("WARN", "docker-cleanup-failed", error.explain())
            return [f"images could not be tidied up: {error.explain()}"]

    async def look(self) -> list[ImageFate]:
        """What would become of each image. Raises DockerError, DeviceError."""
        return await self._removal.look(self._protected)

    async def prune(self, *, dry_run: bool = False) -> Removed:
        """Remove what nothing needs. Raises DockerError, DeviceError."""
        return await self._removal.prune(self._protected, dry_run=dry_run)

    async def free_up(self) -> int:
        """Bytes freed by removing what nothing needs; 0 also when that isn't possible now."""
        try:
            async with asyncio.timeout(_CLEAN_UP_DEADLINE_S):
                return (await self._removal.prune(self._protected, by_itself=True)).freed_bytes
        except TimeoutError:
            return 0
        except GreendockError as error:
            self._journal.write("WARN", "docker-cleanup-failed", error.explain())
            return 0

    async def recover(self) -> None:
        """At a core's start: undo the tags of a deployment that was cut off.

        Raises DockerError, DeviceError; what could not be done stays noted for the next start.
        """
        await self._tags.switch_back()

    async def _clean_up(self) -> list[str]:
        try:
            async with asyncio.timeout(_CLEAN_UP_DEADLINE_S):
                done = await self._removal.prune(self._protected, by_itself=True)
        except TimeoutError:
            return [
                f"removing images was not over after {_CLEAN_UP_DEADLINE_S:g} s and goes on with "
                "the next deployment"
            ]
        if done.removed:
            text = f"{len(done.removed)} images removed, {in_words(done.freed_bytes)}"
            self._journal.write("INFO", "docker-cleanup", text)
        return list(done.warnings)


def uses_of(images: Iterable[EnsuredImage]) -> list[ImageUse]:
    """Who needs which image; `needed_by` holds `name version`."""
    found = []
    for image in images:
        name = image.reference.canonical if image.reference is not None else ""
        for who in image.needed_by:
            component, _, version = who.partition(" ")
            found.append(
                ImageUse(component, version, image.uri, name, image.image_id, image.digest)
            )
    return found
