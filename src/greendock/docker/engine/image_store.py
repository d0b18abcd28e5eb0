"""The images that the engine holds: list them, name them, remove them, load and save archives.

Typed results over the engine client; decides nothing. What uses an image, and whether it may go,
is cleanup's to say. Called by the image work, by clean-up and by bundles.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from urllib.parse import quote, urlencode

from greendock.docker.engine.client import Engine
from greendock.docker.engine.load_stream import LoadedNames
from greendock.docker.engine.model import (
    ContainerUse,
    ImageInfo,
    RegistryAuth,
    StoredImage,
    read_containers,
    read_distribution,
    read_images,
    read_message,
)
from greendock.docker.engine.texts import error_for
from greendock.docker.errors import (
    ArchiveNotLoaded,
    DockerError,
    ImageInUse,
    ImageQueryFailed,
    PullFailed,
)
from greendock.docker.reference import ImageReference

_REMOVE_TIMEOUT_S = 120.0
_DISTRIBUTION = (1, 30)
_DISTRIBUTION_TIMEOUT_S = 15.0


class ImageStore:
    """The image store of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def find(self, name: ImageReference | str) -> ImageInfo | None:
        """The image under this name or id; None when there is none."""
        return await self._engine.inspect_image(name)

    async def images(self) -> tuple[StoredImage, ...]:
        """All images but intermediate ones. Raises ImageQueryFailed."""
        answer = await self._engine.ask("GET", "/images/json")
        if answer.status != 200:
            raise self._engine.failure("cannot list the images", answer, ImageQueryFailed)
        return read_images(answer.body)

    async def containers(self) -> tuple[ContainerUse, ...]:
        """All containers, stopped ones included. Raises ImageQueryFailed."""
        answer = await self._engine.ask("GET", "/containers/json", params={"all": "1"})
        if answer.status != 200:
            raise self._engine.failure("cannot list the containers", answer, ImageQueryFailed)
        return read_containers(answer.body)

    async def remote_digest(
        self, reference: ImageReference, auth: RegistryAuth | None, timeout_s: float
    ) -> str | None:
        """What the registry's name means now, asked by the engine; None when it can't say.

        Raises what `texts.py` makes of a refusal, EngineUnavailable after `timeout_s`.
        """
        if await self._engine.api_version() < _DISTRIBUTION or self._engine.is_podman:
            return None
        path = f"/distribution/{quote(reference.pull_reference, safe=':/@')}/json"
        timeout_s = min(timeout_s, _DISTRIBUTION_TIMEOUT_S)
        answer = await self._engine.ask("GET", path, registry_auth=auth, timeout_s=timeout_s)
        if answer.status != 200:
            prefix = f"cannot look up {reference} at its registry"
            raise self._engine.failure(prefix, answer, PullFailed)
        return read_distribution(answer.body)

    async def tag(self, image_id: str, name: str, tag: str) -> None:
        """Have `name:tag` mean the image, whatever it meant before. Raises DockerError."""
        path = f"/images/{quote(image_id, safe=':/@')}/tag"
        answer = await self._engine.ask("POST", path, params={"repo": name, "tag": tag})
        if answer.status != 201:
            prefix = f"cannot name image {image_id} {name}:{tag}"
            raise self._engine.failure(prefix, answer, DockerError)

    async def remove(self, name: str) -> bool:
        """Remove one name of an image, or an image by its id; with its last name it goes itself.

        Never by force. False when there is no such image (any more). Raises ImageInUse when a
        container needs it, DockerError.
        """
        path = f"/images/{quote(name, safe=':/@')}"
        answer = await self._engine.ask("DELETE", path, timeout_s=_REMOVE_TIMEOUT_S)
        if answer.status == 404:
            return False
        if answer.status == 409:
            raise ImageInUse(f"cannot remove image {name}: {read_message(answer.body)}")
        if answer.status != 200:
            raise self._engine.failure(f"cannot remove image {name}", answer, DockerError)
        return True

    async def load(
        self, archive: AsyncIterable[bytes], what: str, deadline_s: float
    ) -> tuple[str, ...]:
        """Load an image archive (Docker's or OCI's, also compressed); its names and ids.

        Ids (sha256:…) stand for images that have no name. `what` names the archive in errors.
        Raises ArchiveNotLoaded, NoSpace, EngineUnavailable.
        """
        prefix = f"cannot load {what}"
        found = LoadedNames()
        opened = self._engine.stream(
            "POST", "/images/load?quiet=1", body=archive, deadline_s=deadline_s, what=prefix
        )
        async with opened as pieces:
            async for piece in pieces:
                found.add(piece)
        names, error = found.end()
        if error is not None:
            known = error_for(prefix, error)
            raise ArchiveNotLoaded(known.message) if isinstance(known, PullFailed) else known
        if not names:
            raise ArchiveNotLoaded(f"{prefix}: the engine found no image in it")
        return names

    def save(
        self, names: Sequence[str], deadline_s: float
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """One archive of these images, as `docker save` writes it, piece by piece."""
        query = urlencode([("names", name) for name in names])
        what = f"cannot save {', '.join(names)}"
        return self._engine.stream("GET", f"/images/get?{query}", deadline_s=deadline_s, what=what)
