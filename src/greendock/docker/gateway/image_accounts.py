"""The images of one component version as its socket meets them: logins, records, whose they are.

Fills the port of the rules from the ledger, the engine's image store and the registries' logins.
Holds no policy. A record is of what the engine has, never of what an answer claims.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from greendock.docker.containers.labels import Owner
from greendock.docker.credentials.registry_credentials import Login
from greendock.docker.engine.image_store import ImageStore
from greendock.docker.engine.model import ImageInfo
from greendock.docker.errors import ImageReferenceError
from greendock.docker.gateway.ports import Told
from greendock.docker.keeping.ledger import MADE, ImageLedger, ImageUse
from greendock.docker.reference import (
    ImageReference,
    canonical_name,
    parse_artifact_uri,
    parse_image,
)


class Logins(Protocol):
    """The part of RegistryCredentials that is needed here."""

    async def of(self, reference: ImageReference) -> Login | None: ...


class ImageAccounts:
    """Implements ports.Images for the component version of `owner`."""

    def __init__(
        self, owner: Owner, ledger: ImageLedger, store: ImageStore, logins: Logins
    ) -> None:
        self._owner = owner
        self._ledger = ledger
        self._store = store
        self._logins = logins

    async def credentials_for(self, image: str) -> str | None:
        wanted = _reference(image)
        if wanted is None or not any(_covers(own, wanted) for own in self._own()):
            return None
        login = await self._logins.of(wanted)
        return login.auth.header() if login is not None else None

    def _own(self) -> Iterator[ImageReference]:
        """What the component's recipe and compose files list."""
        for use in self._ledger.uses():
            if use.component == self._owner.component and not use.uri.startswith(MADE):
                reference = _listed(use)
                if reference is not None:
                    yield reference

    async def arrivals(self, how: str) -> Told:
        known = {image.id for image in await self._store.images()}

        async def tell(names: Sequence[str]) -> None:
            for name in names:
                image = await self._store.find(name)
                if image is not None:
                    self._record(name, image, how, is_new=image.id not in known)

        return tell

    def _record(self, name: str, image: ImageInfo, how: str, *, is_new: bool) -> None:
        reference = None if image.id.removeprefix("sha256:").startswith(name) else _reference(name)
        canonical = reference.canonical if reference is not None else image.id
        if is_new:
            names = [canonical] if reference is not None else []
            self._ledger.bring(image.id, how, image.size_bytes, names)
        elif reference is not None:
            self._ledger.named(canonical, image.id)
        self._ledger.note_made(self._owner.component, self._owner.version, canonical, image.id)

    async def removal_hits(self, ref: str) -> Sequence[str]:
        others = self._others()
        image = await self._store.find(ref) if others else None
        if image is None:
            return ()
        tags = {canonical_name(tag) for tag in image.repo_tags}
        named = canonical_name(ref)
        if named in tags and len(tags) > 1:  # only that name goes
            hit = [use for use in others if use.name == named]
        else:
            hit = [use for use in others if use.image_id == image.id or use.name in tags]
        return tuple(dict.fromkeys(use.component for use in hit))

    async def named_by(self, image: str) -> Sequence[str]:
        named = canonical_name(image)
        found = [use.component for use in self._others() if use.name == named]
        return tuple(dict.fromkeys(found))

    def _others(self) -> list[ImageUse]:
        uses = self._ledger.uses()
        return [use for use in uses if use.component != self._owner.component]


def _listed(use: ImageUse) -> ImageReference | None:
    try:
        return parse_artifact_uri(use.uri)
    except ImageReferenceError:
        return _reference(use.name)


def _covers(own: ImageReference, wanted: ImageReference) -> bool:
    if own.name != wanted.name:
        return False
    if wanted.digest is not None:
        return wanted.digest == own.digest
    return wanted.tag == own.tag


def _reference(name: str) -> ImageReference | None:
    if name.startswith("sha256:"):
        return None
    try:
        return parse_image(name)
    except ImageReferenceError:
        return None
