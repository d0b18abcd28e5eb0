"""Data of the Docker application manager that other packages see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One image that a deployment needs. `uri` is the artifact URI (`docker:…`) as written."""

    uri: str
    needed_by: tuple[str, ...]
    """Components as `name version`, for log lines and messages."""


@dataclass(frozen=True, slots=True)
class ImageProgress:
    """`phase`: waiting, downloading, extracting, present, pulled, failed.

    `layers`: short layer id → (state text of the engine, current bytes, total bytes, 0 = unknown).
    """

    image: str
    phase: str
    current_bytes: int = 0
    total_bytes: int = 0
    layers: Mapping[str, tuple[str, int, int]] = field(default_factory=dict)
    note: str | None = None


@dataclass(frozen=True, slots=True)
class EnsuredImage:
    """An image that is on the device now. `pulled` is false when it was there already.

    `image_id` is the engine's id (sha256:…), `digest` the registry's manifest digest if known.
    """

    uri: str
    image_id: str
    digest: str | None
    pulled: bool
    warning: str | None = None


ProgressListener = Callable[[ImageProgress], None]
