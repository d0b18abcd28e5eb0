"""The images of a bundle and the engine: finding those to pack, saving, loading, checking.

The only part of the bundle commands that talks to the engine; no registry is ever asked. Called by
create and import.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from greendock.bundle.index import IMAGES, Image
from greendock.bundle.reader import BundleFile
from greendock.cli.bundle_progress import ByteProgress
from greendock.cli.errors import CliError
from greendock.cli.output import warn
from greendock.deployment.bundle_source import BundledComponent, BundledImage
from greendock.docker.engine.client import Engine
from greendock.docker.engine.image_store import ImageStore
from greendock.docker.engine.model import EngineInfo, ImageInfo
from greendock.docker.platform_match import Match, Platform, match_platform
from greendock.docker.reference import ImageReference, parse_artifact_uri

ARCHIVE_DEADLINE_S = 6 * 3600.0
"""For saving or loading all images of a bundle."""


@asynccontextmanager
async def engine_at(host: str | None) -> AsyncIterator[Engine]:
    """The core's engine, or where it names none, the one of this environment."""
    engine = Engine.from_environment(host, os.environ)
    try:
        yield engine
    finally:
        await engine.close()


async def find_images(store: ImageStore, components: Iterable[BundledComponent]) -> list[Image]:
    """What to pack. Raises CliError for an image that the engine does not have."""
    found: dict[str, Image] = {}
    for component in components:
        for image in component.images:
            if image.uri not in found:
                find = _find_named if _is_named(image.uri) else _find_loaded
                found[image.uri] = await find(store, component, image)
    return list(found.values())


def save_names(images: Iterable[Image]) -> list[str]:
    """What to save, so that names come back with the images where they have one."""
    return list(dict.fromkeys(image.name_and_tag or image.image_id for image in images))


def wrong_platforms(images: Iterable[Image], info: EngineInfo) -> list[str]:
    """The images that can't run on the engine's machine, each with its platform."""
    here = Platform(info.os, info.architecture)
    return [
        f"{image.reference} ({image.os}/{image.architecture})"
        for image in images
        if match_platform(Platform(image.os, image.architecture), here, frozenset()) is Match.WRONG
    ]


async def missing_images(store: ImageStore, images: Iterable[Image]) -> list[Image]:
    """Those whose id the engine doesn't know."""
    return [image for image in images if await store.find(image.image_id) is None]


async def load_images(store: ImageStore, bundle: BundleFile) -> list[Image]:
    """Load all images of the bundle and check that they are there then; gives them with the ids
    that they have here. Raises DockerError, CliError."""
    progress = ByteProgress("loading the images", bundle.index.sizes()[IMAGES])
    what = f"the images of {bundle.path}"
    names = await store.load(_pieces(bundle.read(IMAGES), progress), what, ARCHIVE_DEADLINE_S)
    found: list[Image] = []
    missing: list[str] = []
    for image in bundle.index.images:
        here = await _id_here(store, image, names)
        if here is None:
            missing.append(f"{image.reference} ({image.image_id})")
        else:
            found.append(msgspec.structs.replace(image, image_id=here))
    if missing:
        raise CliError(
            f"cannot use {what}: the engine loaded them and does not have {', '.join(missing)}",
            hint="make the bundle anew",
        )
    return found


async def name_images(store: ImageStore, images: Sequence[Image]) -> None:
    """Give each image the tag that its recipe uses, where it has not got it from the archive."""
    for image in images:
        reference = parse_artifact_uri(image.uri) if _is_named(image.uri) else None
        if reference is None or reference.tag is None:
            continue
        present = await store.find(_by_tag(reference))
        if present is None or present.id != image.image_id:
            await store.tag(image.image_id, reference.familiar_name, reference.tag)


async def _id_here(store: ImageStore, image: Image, loaded: Sequence[str]) -> str | None:
    """The id of an image that has just been loaded; another one than in the bundle where the
    engine keeps images in another kind of store, which names them by another digest."""
    if await store.find(image.image_id) is not None:
        return image.image_id
    if image.name_and_tag is not None:
        candidates = [image.name_and_tag]
    else:
        candidates = [name for name in loaded if name.startswith("sha256:")]
    infos = [info for name in candidates if (info := await store.find(name)) is not None]
    same = {info.id for info in infos if image.layers and info.diff_ids == image.layers}
    return same.pop() if len(same) == 1 else None


async def _pieces(content: Iterator[bytes], progress: ByteProgress) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece
        progress.add(len(piece))


def _is_named(uri: str) -> bool:
    """Whether the recipe names the image; else it lists an archive that was loaded."""
    return uri.partition(":")[0].lower() == "docker"


async def _find_loaded(
    store: ImageStore, component: BundledComponent, image: BundledImage
) -> Image:
    info = await store.find(image.image_id) if image.image_id else None
    if info is None:
        raise CliError(
            f"cannot pack image {image.image_id} of {component.name} {component.version}, which "
            f"came from {image.uri}: the engine doesn't have it",
            hint="deploy the component again, with the archive",
        )
    name = info.repo_tags[0] if info.repo_tags else None
    return Image(
        uri=image.uri,
        reference=name or info.id,
        name_and_tag=name,
        image_id=info.id,
        digest=None,
        by_digest=False,
        size=info.size_bytes,
        os=info.os,
        architecture=info.architecture,
        layers=info.diff_ids,
    )


async def _find_named(
    store: ImageStore, component: BundledComponent, image: BundledImage
) -> Image:
    reference = parse_artifact_uri(image.uri)
    info = await store.find(image.image_id) if image.image_id else None
    if info is None:
        info = await store.find(reference)
        if image.image_id and info is not None:
            warn(f"warning: {reference} is another image now than the one that was deployed")
    if info is None:
        raise CliError(
            f"cannot pack image {reference} of {component.name} {component.version}: the engine "
            "doesn't have it",
            hint="deploy the component again while its registry can be reached",
        )
    tagged = await store.find(_by_tag(reference)) if reference.tag else None
    return Image(
        uri=image.uri,
        reference=reference.familiar,
        name_and_tag=_by_tag(reference) if tagged and tagged.id == info.id else None,
        image_id=info.id,
        digest=reference.digest or _known_digest(reference, info),
        by_digest=reference.digest is not None,
        size=info.size_bytes,
        os=info.os,
        architecture=info.architecture,
        layers=info.diff_ids,
    )


def _by_tag(reference: ImageReference) -> str:
    return f"{reference.familiar_name}:{reference.tag}"


def _known_digest(reference: ImageReference, info: ImageInfo) -> str | None:
    """The digest under which the image came from the registry of `reference`."""
    for entry in info.repo_digests:
        name, _, digest = entry.rpartition("@")
        if name in (reference.familiar_name, reference.name):
            return digest
    return None
