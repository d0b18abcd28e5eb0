"""The index of a bundle: what is in it, as frozen data, and its JSON.

Pure. A bundle comes from anywhere: what is decoded here is checked until every name in it can
become a path below one folder and nothing else, and until its list of members is exactly the one
that its components and images need. Called by reading and writing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec

from greendock.base.paths import safe_part
from greendock.bundle.errors import BundleError, BundleTooNew

FORMAT_VERSION = 1
INDEX = "greendock-bundle.json"
INDEX_DIGEST = "greendock-bundle.sha256"
IMAGES = "images/images.tar"
MAX_INDEX_BYTES = 16 * 1024 * 1024
MAX_RECIPE_BYTES = 16 * 1024 * 1024
UNKNOWN_SIZE = 10**15
"""Stands for a size that is found out while writing; no member is larger."""
UNKNOWN_DIGEST = "0" * 64

_CREATED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_LONGEST_NAME_BYTES = 255

_Size = Annotated[int, msgspec.Meta(ge=0, le=UNKNOWN_SIZE)]
_Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Text = Annotated[str, msgspec.Meta(max_length=4096)]


class Platform(msgspec.Struct, frozen=True, rename="camel"):
    """The machine that the bundle was made on, in the words of recipes."""

    os: _Text
    architecture: _Text

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"


class Artifact(msgspec.Struct, frozen=True, rename="camel"):
    """A file of a component. `path` is relative to its artifact folder."""

    path: _Text
    mode: Annotated[int, msgspec.Meta(ge=0, le=0o777)]
    modified_ns: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Component(msgspec.Struct, frozen=True, rename="camel"):
    """`recipe` is the name of the member that holds it."""

    name: _Text
    version: _Text
    recipe: _Text
    artifacts: tuple[Artifact, ...] = ()

    def member(self, artifact: Artifact) -> str:
        """The name of the member that holds `artifact`."""
        return f"artifacts/{self.name}/{self.version}/{artifact.path}"


class Image(msgspec.Struct, frozen=True, rename="camel"):
    """An image that a recipe names by `uri`.

    `reference`: its name in Docker's short form. `name_and_tag`: what it is called in the image
    archive, None where it has its id only. `digest`: the registry's, if known. `by_digest`: the
    recipe names it by that digest, which no image archive carries. Size in bytes, unpacked.
    `layers`: digests of the unpacked layers, the same in every kind of image store.
    """

    uri: _Text
    reference: _Text
    name_and_tag: _Text | None
    image_id: _Text
    digest: _Text | None
    by_digest: bool
    size: _Size
    os: _Text = ""
    architecture: _Text = ""
    layers: tuple[_Text, ...] = ()


class Member(msgspec.Struct, frozen=True, rename="camel"):
    """One file in the archive; the index and its digest are not listed."""

    name: str
    size: _Size
    sha256: _Digest


class BundleIndex(msgspec.Struct, frozen=True, rename="camel"):
    """`roots`: the components that an import deploys, with their versions."""

    created: _Text
    greendock_version: _Text
    platform: Platform
    roots: dict[str, str]
    components: tuple[Component, ...]
    images: tuple[Image, ...]
    members: tuple[Member, ...]
    format_version: int = FORMAT_VERSION

    def sizes(self) -> dict[str, int]:
        """Sizes of the members by name."""
        return {member.name: member.size for member in self.members}


class _Version(msgspec.Struct, rename="camel"):
    format_version: int


def recipe_member(name: str, version: str, *, is_json: bool) -> str:
    return f"recipes/{name}-{version}.{'json' if is_json else 'yaml'}"


def encode_index(index: BundleIndex) -> bytes:
    """Readable JSON."""
    return msgspec.json.format(msgspec.json.encode(index), indent=1) + b"\n"


def decode_index(data: bytes) -> BundleIndex:
    """Raises BundleTooNew and BundleError."""
    try:
        found = msgspec.json.decode(data, type=_Version).format_version
        if found > FORMAT_VERSION:
            raise BundleTooNew(
                f"its format has version {found}, this Greendock reads version {FORMAT_VERSION}",
                hint="install a newer Greendock on this device",
            )
        index = msgspec.json.decode(data, type=BundleIndex)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"its index can't be read: {error}") from error
    if found != FORMAT_VERSION:
        raise BundleError(f"its format has version {found}, which never was one")
    check_index(index)
    return index


def check_index(index: BundleIndex) -> None:
    """Raises BundleError for an index that can't be used as a whole."""
    if _CREATED.fullmatch(index.created) is None:
        raise BundleError(f"its time {index.created!r} can't be read")
    _check_members(index)
    versions = {component.name: component.version for component in index.components}
    if len(versions) != len(index.components):
        raise BundleError("it holds two versions of one component")
    if not index.roots:
        raise BundleError("it names no root component")
    for name, version in index.roots.items():
        if versions.get(name) != version:
            raise BundleError(f"its root component {name!r} {version!r} is not in it")
    for image in index.images:
        if _IMAGE_ID.fullmatch(image.image_id) is None:
            raise BundleError(f"it has the image id {image.image_id!r}")


def _check_members(index: BundleIndex) -> None:
    """They are those that components and images need, each once, and have a place each."""
    wanted = list(expected_members(index.components, has_images=bool(index.images)))
    seen: set[str] = set()
    for name in wanted:
        if name in seen:
            raise BundleError(f"it holds {name!r} twice")
        seen.add(name)
    if wanted != [member.name for member in index.members]:
        raise BundleError("its list of members is not that of its components and images")
    _check_folders(seen)
    for member in index.members:
        if member.name.startswith("recipes/") and member.size > MAX_RECIPE_BYTES:
            raise BundleError(f"its recipe {member.name!r} has {member.size} bytes")


def expected_members(components: Sequence[Component], *, has_images: bool) -> Iterator[str]:
    """Names of the members in their order: recipes, artifacts, images. Raises BundleError."""
    for component in components:
        try:
            safe_part(component.name)
            safe_part(component.version)
        except ValueError as error:
            raise BundleError(f"it names a component wrongly: {error}") from error
        forms = [
            recipe_member(component.name, component.version, is_json=form)
            for form in (False, True)
        ]
        if component.recipe not in forms:
            raise BundleError(f"its recipe {component.recipe!r} is not one of {forms}")
        yield component.recipe
    for component in components:
        for artifact in component.artifacts:
            _check_path(artifact.path)
            yield component.member(artifact)
    if has_images:
        yield IMAGES


def _check_path(path: str) -> None:
    for part in path.split("/"):
        try:
            size = len(part.encode())
        except UnicodeEncodeError as error:
            raise BundleError(f"its artifact {path!r} has no name in UTF-8") from error
        if part in ("", ".", "..") or "\0" in part or size > _LONGEST_NAME_BYTES:
            raise BundleError(f"its artifact {path!r} has a name that no file can have")


def _check_folders(names: set[str]) -> None:
    """No member may stand where another one needs a folder."""
    for name in names:
        parent = name.rpartition("/")[0]
        while parent:
            if parent in names:
                raise BundleError(f"it holds {parent!r} and {name!r}: a file is no folder")
            parent = parent.rpartition("/")[0]
