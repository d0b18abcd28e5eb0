"""Moves tags to new images when a deployment is applied, and back when it is undone.

What a tag meant is noted before it is moved, so that any later life of the core can finish or undo
a move that a crash cut off. Every method can be repeated. Called by the image work of a
deployment and at the start of a core.
"""

from __future__ import annotations

from collections.abc import Sequence

from greendock.docker.engine.image_store import ImageStore
from greendock.docker.errors import ImageInUse
from greendock.docker.keeping.ledger import ImageLedger, TagMove
from greendock.docker.ports import Journal
from greendock.docker.reference import ImageReference, parse_image


class TagSwitch:
    """The tags of one engine."""

    def __init__(self, store: ImageStore, ledger: ImageLedger, journal: Journal) -> None:
        self._store = store
        self._ledger = ledger
        self._journal = journal

    async def switch(self, moves: Sequence[tuple[ImageReference, str]]) -> None:
        """Have each reference's tag mean the image with this id. Raises DockerError, DeviceError;
        `switch_back` undoes what was done until then."""
        noted = []
        for reference, new_id in moves:
            old = await self._store.find(reference)
            noted.append(TagMove(reference.canonical, old.id if old else None, new_id))
        self._ledger.note_moves(noted)
        for reference, new_id in moves:
            await self._tag(reference, new_id)

    async def switch_back(self) -> None:
        """Every moved tag means what it meant before. Raises DockerError, DeviceError; what could
        not be done stays noted."""
        for move in self._ledger.moves():
            reference = parse_image(move.name)
            if move.old_id is not None and await self._store.find(move.old_id) is not None:
                await self._tag(reference, move.old_id)
            else:
                await self._untag(reference, move.new_id)
            self._ledger.forget_move(move.name)

    def commit(self) -> None:
        """The moved tags stay where they are. Raises DeviceError."""
        if self._ledger.moves():
            self._ledger.forget_moves()

    async def _tag(self, reference: ImageReference, image_id: str) -> None:
        current = await self._store.find(reference)
        if current is not None and current.id == image_id:
            return
        self._ledger.named(reference.canonical, image_id)
        await self._store.tag(image_id, reference.familiar_name, reference.tag or "latest")
        self._journal.write(
            "INFO", "docker-image-named", f"{reference} means {image_id} now", image=str(reference)
        )

    async def _untag(self, reference: ImageReference, new_id: str) -> None:
        """The tag meant nothing before. With its last tag an image can go itself: then the tag
        stays, for clean-up to decide."""
        current = await self._store.find(reference)
        if current is None or current.id != new_id or len(current.repo_tags) < 2:
            return
        try:
            await self._store.remove(reference.pull_reference)
        except ImageInUse as error:
            self._journal.write("INFO", "docker-image-kept", error.message)
