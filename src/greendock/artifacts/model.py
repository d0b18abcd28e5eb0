"""What is wanted of a component's files, and what came of it; plain data.

Made by the deployment (needs.py), taken in by staging.py, handed back to it for the swap.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
    """

    component: str
    version: str
    artifacts: tuple[Artifact, ...]
    folders: tuple[Path, ...]
    content_id: str = ""
    owner: Owner | None = None


@dataclass(frozen=True, slots=True)
class Staged:
    """A component's files, ready. `swaps` are the (live, new) folders still to be exchanged."""

    files: ComponentFiles
    content_id: str
    swaps: tuple[tuple[Path, Path], ...] = ()
