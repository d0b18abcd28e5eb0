"""What registries keep of an image, as data: manifests, lists of them, configurations.

Pure. Reads Docker's schema 2 and the OCI forms; schema 1 is recognised and tells nothing. Chooses
the manifest for a platform as the engine does. Raises ValueError, with a reason for people, for
anything that is none of these. Called by the registry client.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from greendock.docker.platform_match import Platform

MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.1",
)
_DIGEST = re.compile(r"(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})", re.ASCII)
_LARGEST_BYTES = 1 << 50
_W = TypeVar("_W")


@dataclass(frozen=True, slots=True)
class Blob:
    """Something that a registry keeps under its digest."""

    digest: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image for one platform. `layers`: the lowest first."""

    config: Blob
    layers: tuple[Blob, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """One entry of an index. `platform` is None where the entry names none."""

    manifest: Blob
    platform: Platform | None
    variant: str = ""

    def __str__(self) -> str:
        return f"{self.platform or '?'}{f'/{self.variant}' if self.variant else ''}"


@dataclass(frozen=True, slots=True)
class Index:
    """One image for several platforms; entries that are no images are left out."""

    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class OldManifest:
    """A schema 1 manifest, which tells neither sizes nor the image's id."""

    architecture: str


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """`platform` with empty parts where not told; `diff_ids`: () where not told."""

    platform: Platform
    variant: str
    diff_ids: tuple[str, ...]


class _Platform(msgspec.Struct):
    os: str | None = None
    architecture: str | None = None
    variant: str | None = None


class _Descriptor(msgspec.Struct, rename="camel"):
    digest: str
    size: int
    media_type: str | None = None
    platform: _Platform | None = None


class _Document(msgspec.Struct, rename="camel"):
    schema_version: int = 0
    config: _Descriptor | None = None
    layers: list[_Descriptor] | None = None
    manifests: list[_Descriptor] | None = None
    fs_layers: list[msgspec.Raw] | None = None
    architecture: str | None = None


class _RootFs(msgspec.Struct):
    diff_ids: list[str] | None = None


class _Config(msgspec.Struct):
    os: str | None = None
    architecture: str | None = None
    variant: str | None = None
    rootfs: _RootFs | None = None


def read_manifest(body: bytes) -> Manifest | Index | OldManifest:
    """The answer of GET /v2/NAME/manifests/REFERENCE, by what is in it.

    The media type may be missing or wrong; a document that could be read in two ways is refused.
    """
    document = _decode(body, _Document)
    if document.schema_version == 1 and document.fs_layers is not None:
        return OldManifest(document.architecture or "")
    is_image = document.config is not None or document.layers is not None
    if is_image and document.manifests is not None:
        raise ValueError("it is a manifest and an index at once")
    if document.manifests is not None:
        return Index(tuple(_offers(document.manifests)))
    if document.config is None or document.layers is None:
        raise ValueError("it is neither a manifest nor an index")
    return Manifest(_blob(document.config), tuple(_blob(x) for x in document.layers))


def read_config(body: bytes) -> ImageConfig:
    """An image's configuration."""
    wire = _decode(body, _Config)
    diff_ids = (wire.rootfs.diff_ids if wire.rootfs else None) or []
    if not all(_DIGEST.fullmatch(x) for x in diff_ids):
        diff_ids = []
    platform = Platform(wire.os or "", wire.architecture or "")
    return ImageConfig(platform, wire.variant or "", tuple(diff_ids))


def has_digest(body: bytes, digest: str) -> bool:
    """Whether `digest` is that of `body`; False for a text that is no digest."""
    if _DIGEST.fullmatch(digest) is None:
        return False
    algorithm, _, value = digest.partition(":")
    return hashlib.new(algorithm, body).hexdigest() == value


def digest_of(body: bytes) -> str:
    """The digest that everybody uses."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def choose(index: Index, engine: Platform, variant: str) -> Offer | None:
    """The entry that the engine takes, the first of the best; None when there is none.

    An entry that names no platform comes after all that fit: its configuration has to tell.
    """
    ranked = [(_rank(x, engine, variant), x) for x in index.offers]
    fitting = [(rank, x) for rank, x in ranked if rank is not None]
    return min(fitting, key=lambda pair: pair[0])[1] if fitting else None


def offered(offers: Iterable[Offer]) -> str:
    """The platforms in words, each once."""
    return ", ".join(dict.fromkeys(str(x) for x in offers)) or "no platform at all"


_UNNAMED = (9, 0)


def _rank(offer: Offer, engine: Platform, variant: str) -> tuple[int, int] | None:
    """Lower is better; None: does not run. First by processor, then by how new the variant."""
    platform = offer.platform
    if platform is None:
        return _UNNAMED
    if engine.os and platform.os != engine.os:
        return None
    if not engine.architecture:
        return (0, 0)
    for place, (architecture, highest) in enumerate(_runs(engine.architecture, variant)):
        if platform.architecture == architecture:
            level = _level(architecture, offer.variant)
            if level is None:
                exact = offer.variant == variant and place == 0
                return (place, 0) if exact else None
            return (place, highest - level) if level <= highest else None
    return None


def _runs(architecture: str, variant: str) -> tuple[tuple[str, int], ...]:
    """What a processor runs, best first: architectures with their highest variant."""
    level = _level(architecture, variant) or _level(architecture, "") or 0
    match architecture:
        case "arm64":
            return (("arm64", level), ("arm", 8))
        case "amd64":
            return (("amd64", level), ("386", 0))
        case _:
            return ((architecture, level),)


# Where no variant is told it is the one that every image builder means.
_USUAL_LEVELS = {"arm": 7, "arm64": 8, "amd64": 1}


def _level(architecture: str, variant: str) -> int | None:
    """The variant as a number, a higher one running the lower; None: a word of its own."""
    if not variant:
        return _USUAL_LEVELS.get(architecture, 0)
    digits = variant.removeprefix("v").partition(".")[0]
    return int(digits) if re.fullmatch(r"[0-9]{1,3}", digits, re.ASCII) else None


def _offers(entries: list[_Descriptor]) -> Iterable[Offer]:
    for entry in entries:
        told = entry.platform
        if told is None:
            yield Offer(_blob(entry), None)
        elif (told.os, told.architecture) != ("unknown", "unknown"):  # an attestation
            platform = Platform(told.os or "", told.architecture or "")
            yield Offer(_blob(entry), platform, told.variant or "")


def _blob(wire: _Descriptor) -> Blob:
    if _DIGEST.fullmatch(wire.digest) is None:
        raise ValueError("it names something by what is no digest")
    if not 0 <= wire.size <= _LARGEST_BYTES:
        raise ValueError("it gives a size that can't be")
    return Blob(wire.digest, wire.size, wire.media_type or "")


def _decode(body: bytes, wire: type[_W]) -> _W:
    try:
        return msgspec.json.decode(body, type=wire)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"it can't be read ({error})") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
