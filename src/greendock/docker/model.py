"""Data of the Docker application manager that other packages see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from greendock.docker.reference import ImageReference


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
    `is_unnamed`: the tag of `reference` means another image until the deployment is applied.
    """

    uri: str
    image_id: str
    digest: str | None
    pulled: bool
    warning: str | None = None
    reference: ImageReference | None = None
    is_unnamed: bool = False
    needed_by: tuple[str, ...] = ()
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class LoadableArchive:
    """An image archive that a component brings. `identity` changes when its content does.

    `obtain` gives the file, and is called only when its images are not on the device yet.
    """

    component: str
    version: str
    uri: str
    identity: str
    obtain: Callable[[], Awaitable[Path]] = field(repr=False)


ProgressListener = Callable[[ImageProgress], None]
