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
class RegistryAccount:
    """How to log in to one registry, as configured; exactly one way is set.

    `username` goes with `password_file` (a path) or `password_env` (a variable of the core).
    `credential_helper` is the NAME of `docker-credential-NAME`. `docker_config` is the path of a
    config.json as the docker command has it.
    """

    username: str | None = None
    password_file: str | None = None
    password_env: str | None = None
    credential_helper: str | None = None
    docker_config: str | None = None


@dataclass(frozen=True, slots=True)
class ImageWait:
    """What an image waits for between two attempts. `next_try_at`: seconds since the epoch, None
    when something else than time decides (the engine)."""

    attempt: int
    next_try_at: float | None
    last_error: str


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
    wait: ImageWait | None = None


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
