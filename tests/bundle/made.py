"""Small bundles for tests, made by the writer; and their parts, to be put together wrongly."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from greendock.bundle.index import (
    IMAGES,
    INDEX,
    INDEX_DIGEST,
    UNKNOWN_DIGEST,
    UNKNOWN_SIZE,
    Artifact,
    BundleIndex,
    Component,
    Image,
    Member,
    Platform,
    expected_members,
    recipe_member,
)
from greendock.bundle.layout import digest_text
from greendock.bundle.writer import BundleWriter
from greendock.recipe.device import device_labels

APP = "com.example.App"
LABELS = device_labels({})
HERE = Platform(LABELS["os"], LABELS["architecture"])
IMAGE = Image(
    uri="docker:registry.lab.test:5443/team/app:1.0",
    reference="registry.lab.test:5443/team/app:1.0",
    name_and_tag="registry.lab.test:5443/team/app:1.0",
    image_id="sha256:" + "a1" * 32,
    digest=None,
    by_digest=False,
    size=1234,
)
RECIPE = f"""\
RecipeFormatVersion: 2020-01-25
ComponentName: {APP}
ComponentVersion: 1.0.0
Manifests:
  - Platform: {{os: all}}
    Lifecycle:
      Run: "true"
""".encode()


def draft(
    files: Mapping[str, bytes],
    images: tuple[Image, ...] = (),
    platform: Platform = HERE,
) -> BundleIndex:
    """The index of a bundle with one component that has these artifact files."""
    recipe = recipe_member(APP, "1.0.0", is_json=False)
    artifacts = tuple(Artifact(path, 0o640, 1_700_000_000_123_456_789) for path in files)
    component = Component(APP, "1.0.0", recipe, artifacts)
    sizes = {recipe: len(RECIPE)}
    sizes |= {component.member(x): len(files[x.path]) for x in artifacts}
    names = expected_members([component], has_images=bool(images))
    return BundleIndex(
        created="2026-01-02T03:04:05Z",
        greendock_version="1.2.3",
        platform=platform,
        roots={APP: "1.0.0"},
        components=(component,),
        images=images,
        members=tuple(Member(x, sizes.get(x, UNKNOWN_SIZE), UNKNOWN_DIGEST) for x in names),
    )


def write_bundle(
    path: Path,
    files: Mapping[str, bytes] | None = None,
    archive: bytes | None = None,
    image: Image = IMAGE,
    **more: object,
) -> BundleIndex:
    """A bundle of one component; `archive` stands for its images."""
    files = {} if files is None else files
    images = () if archive is None else (image,)
    index = draft(files, images, **more)
    with BundleWriter(path, index, overwrite=True) as writer:
        with writer.member(index.members[0].name) as sink:
            sink.write(RECIPE)
        for name, content in files.items():
            with writer.member(f"artifacts/{APP}/1.0.0/{name}") as sink:
                sink.write(content)
        if archive is not None:
            with writer.member(IMAGES) as sink:
                for start in range(0, len(archive), 1000):
                    sink.write(archive[start : start + 1000])
        return writer.finish()


def forge(path: Path, index: object, contents: Mapping[str, bytes], **odd: object) -> None:
    """An archive whose checksums are right, whatever the index says. `odd` is set on the headers
    of the members."""
    data = index if isinstance(index, bytes) else msgspec.json.encode(index)
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        parts = {INDEX: data, INDEX_DIGEST: digest_text(data), **contents}
        for name, content in parts.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(content), 1767323045, 0o644
            if name in contents:
                for key, value in odd.items():
                    setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content))
    size = path.stat().st_size
    with path.open("r+b") as file:  # tarfile fills up to ten kilobytes
        content = file.read().rstrip(b"\0")
        file.truncate(min(size, -(-len(content) // 512) * 512 + 1024))
