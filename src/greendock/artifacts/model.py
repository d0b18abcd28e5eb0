"""What is wanted of a component's files, and what came of it; plain data.

Made by the deployment (needs.py), taken in by staging.py, handed back to it for the swap.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from greendock.recipe.model import Artifact


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has to be able to read the files; None leaves ownership as it is."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class ComponentFiles:
    """What is wanted: `folders` are artifact folders that hold NAME/VERSION/FILE.

    `content_id` is that of the component as deployed in this version, "" when it isn't.
    `archives`: names of files that are image archives, which are loaded and not kept.
    `loaded`: the identity of what was loaded before, by URI.
    """

    component: str
    version: str
    artifacts: tuple[Artifact, ...]
    folders: tuple[Path, ...]
    content_id: str = ""
    owner: Owner | None = None
    archives: tuple[str, ...] = ()
    loaded: Mapping[str, str] = field(default_factory=dict)


class ObjectInfo(Protocol):
    """An object of a store. `etag` changes when its content does."""

    @property
    def size_bytes(self) -> int: ...

    @property
    def etag(self) -> str: ...


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """News of one download. `phase`: waiting, downloading, pulled, failed. While it waits between
    two attempts: `attempt`, `next_try_at` (seconds since the epoch) and `last_error`."""

    uri: str
    phase: str
    current_bytes: int = 0
    total_bytes: int = 0
    attempt: int = 0
    next_try_at: float | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """An artifact that is an image archive. `identity` changes when its content does; `obtain`
    gives the file, fetched where need be."""

    component: str
    version: str
    uri: str
    identity: str
    obtain: Callable[[], Awaitable[Path]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class MissingFile:
    """An artifact to fetch. `info`: what the store says of it, None when it was not asked yet."""

    component: str
    version: str
    artifact: Artifact
    info: ObjectInfo | None = None

    @property
    def uri(self) -> str:
        """With the scheme in lower case."""
        return f"{self.artifact.scheme}:{self.artifact.uri.partition(':')[2]}"


@dataclass(frozen=True, slots=True)
class DownloadPlan:
    """`files`: what is wanted, without image archives. `archives`: those, each fetched only when
    asked for. `missing`: what has to be fetched, `needed_bytes` how much of it."""

    files: tuple[ComponentFiles, ...] = ()
    missing: tuple[MissingFile, ...] = ()
    archives: tuple[ArchiveFile, ...] = ()
    warnings: tuple[str, ...] = ()
    needed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Staged:
    """A component's files, ready. `swaps` are the (live, new) folders still to be exchanged."""

    files: ComponentFiles
    content_id: str
    swaps: tuple[tuple[Path, Path], ...] = ()
