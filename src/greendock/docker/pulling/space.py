"""How much room images need before they are fetched, and whether there is enough; pure.

An engine keeps the downloaded layers beside the unpacked ones until the image is complete, so both
count. What layers come to unpacked is not in a manifest: bounds decide where they can, and only
where they can't the registry is asked for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from greendock.docker.registry.client import RemoteImage
from greendock.docker.registry.manifest import Blob

_MOST_TIMES_UNPACKED = 4
"""Layers that unpack to more than this many times their download are rare: then there is room in
any case."""


@dataclass(frozen=True, slots=True)
class MissingLayers:
    """The layers of one image that the engine does not have yet."""

    image: RemoteImage
    layers: tuple[Blob, ...]


@dataclass(frozen=True, slots=True)
class Room:
    """The file system where images are kept. Sizes in bytes."""

    place: str
    free_bytes: int
    margin_bytes: int

    @property
    def usable_bytes(self) -> int:
        return max(self.free_bytes - self.margin_bytes, 0)


def missing_layers(
    images: Iterable[RemoteImage], present: Iterable[Sequence[str]]
) -> list[MissingLayers]:
    """What has to be downloaded. `present`: the diff ids of each image on the device.

    A layer counts as present where all below it are the same too: engines keep layers by that
    chain. A layer that several of the images need counts for the first one.
    """
    chains = {tuple(ids[: n + 1]) for ids in present for n in range(len(ids))}
    found: list[MissingLayers] = []
    taken: set[str] = set()
    for image in images:
        ids = image.diff_ids if len(image.diff_ids) == len(image.layers) else ()
        shared = 0
        while shared < len(ids) and ids[: shared + 1] in chains:
            shared += 1
        layers = [blob for blob in image.layers[shared:] if blob.digest not in taken]
        taken.update(blob.digest for blob in layers)
        found.append(MissingLayers(image, tuple(dict.fromkeys(layers))))
    return found


def download_bytes(missing: Iterable[MissingLayers]) -> int:
    return sum(blob.size_bytes for each in missing for blob in each.layers)


def fits_surely(download: int, room: Room) -> bool:
    """Whether there is room whatever the layers come to unpacked."""
    return download * (1 + _MOST_TIMES_UNPACKED) <= room.usable_bytes


def lacks_surely(download: int, room: Room) -> bool:
    """Whether not even layers that don't grow would fit."""
    return 2 * download > room.usable_bytes


def in_words(size_bytes: int) -> str:
    """Exact below 10 kB, else with one decimal, and the unit."""
    size = float(size_bytes)
    if size < 10_000:
        return f"{size_bytes} B"
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"
