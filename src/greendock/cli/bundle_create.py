"""`greendock bundle create`: asks the core what is deployed, packs files and images of it.

Reads the artifact files itself and streams the images from the engine into the bundle, so that
nothing is on the disk twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from greendock import __version__
from greendock.bundle.index import (
    IMAGES,
    UNKNOWN_DIGEST,
    UNKNOWN_SIZE,
    BundleIndex,
    Component,
    Image,
    Member,
    Platform,
    expected_members,
    recipe_member,
)
from greendock.bundle.layout import END, created_text
from greendock.bundle.writer import BundleWriter
from greendock.cli.bundle_description import engine_host, read_description
from greendock.cli.bundle_files import list_files, open_file
from greendock.cli.bundle_images import (
    ARCHIVE_DEADLINE_S,
    engine_at,
    find_images,
    save_names,
)
from greendock.cli.bundle_progress import ByteProgress
from greendock.cli.bundle_text import bundle_lines, bundle_object, digest_warning
from greendock.cli.client import Client
from greendock.cli.errors import CliError
from greendock.cli.output import say, say_json, warn
from greendock.deployment.bundle_source import BundleDescription
from greendock.docker.engine.image_store import ImageStore
from greendock.recipe.device import device_labels

_CHUNK_BYTES = 1 << 20


def create_bundle(
    root: str, names: Sequence[str], output: str, *, overwrite: bool, as_json: bool
) -> int:
    """Raises what keeps the bundle from being made; there is no file then."""
    path = Path(output).expanduser().absolute()
    with Client(root) as client:
        answer = client.call("greendock#DescribeBundle", {"components": list(names)})
        host = engine_host(client.call("greendock#GetCoreStatus"))
    index = asyncio.run(_pack(path, read_description(answer), host, overwrite=overwrite))
    size = path.stat().st_size
    if as_json:
        say_json(bundle_object(output, size, index))
    else:
        say("\n".join(bundle_lines(output, size, index)))
    return 0


async def _pack(
    path: Path, described: BundleDescription, host: str | None, *, overwrite: bool
) -> BundleIndex:
    if not any(component.images for component in described.components):
        with BundleWriter(path, _draft(described, []), overwrite=overwrite) as writer:
            await _write_files(writer, described)
            return writer.finish()
    async with engine_at(host) as engine:
        store = ImageStore(engine)
        images = await find_images(store, described.components)
        for text in filter(None, map(digest_warning, images)):
            warn(text)
        with BundleWriter(path, _draft(described, images), overwrite=overwrite) as writer:
            await _write_files(writer, described)
            await _write_images(writer, store, images)
            return writer.finish()


def _draft(described: BundleDescription, images: Sequence[Image]) -> BundleIndex:
    """The index with everything that is known before the first byte is written."""
    components: list[Component] = []
    sizes: dict[str, int] = {}
    for each in described.components:
        recipe = recipe_member(each.name, each.version, is_json=each.recipe_is_json)
        files = list_files(each.artifact_folder)
        component = Component(
            each.name, each.version, recipe, tuple(found.artifact for found in files)
        )
        components.append(component)
        sizes[recipe] = len(each.recipe_text.encode())
        sizes |= {component.member(found.artifact): found.size for found in files}
    labels = device_labels({})
    members = expected_members(components, has_images=bool(images))
    return BundleIndex(
        created=created_text(time.time()),
        greendock_version=__version__,
        platform=Platform(labels["os"], labels["architecture"]),
        roots=dict(described.roots),
        components=tuple(components),
        images=tuple(images),
        members=tuple(
            Member(name, sizes.get(name, UNKNOWN_SIZE), UNKNOWN_DIGEST) for name in members
        ),
    )


async def _write_files(writer: BundleWriter, described: BundleDescription) -> None:
    index = writer.draft
    for each, component in zip(described.components, index.components, strict=True):
        with writer.member(component.recipe) as sink:
            sink.write(each.recipe_text.encode())
    progress = ByteProgress("writing the artifacts")
    for each, component in zip(described.components, index.components, strict=True):
        for artifact in component.artifacts:
            file = open_file(each.artifact_folder, artifact.path)
            with file, writer.member(component.member(artifact)) as sink:
                while piece := file.read(_CHUNK_BYTES):
                    await asyncio.sleep(0)  # where Ctrl-C takes effect
                    sink.write(piece)
                    progress.add(len(piece))


async def _write_images(writer: BundleWriter, store: ImageStore, images: Sequence[Image]) -> None:
    progress = ByteProgress("writing the images")
    end = b""
    with writer.member(IMAGES) as sink:
        async with store.save(save_names(images), ARCHIVE_DEADLINE_S) as pieces:
            async for piece in pieces:
                sink.write(piece)
                progress.add(len(piece))
                end = (end + piece)[-len(END) :]
        if end != END:
            # An engine that fails in the middle says why in the archive and ends it as if whole.
            text = end.rpartition(b"\0")[2].decode(errors="replace").strip()
            raise CliError(f"cannot save the images: the engine broke off: {text or 'no reason'}")
