"""What a component is: a recipe of format 2020-01-25 as frozen data, parsed once at the edge.

Lifecycle sections stay plain maps here (`Manifest.lifecycle`, `Recipe.lifecycle`), since recipe
variables are filled in before `steps.read_steps` turns the chosen one into `Steps`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class DependencyType(StrEnum):
    HARD = "HARD"
    SOFT = "SOFT"


class Unarchive(StrEnum):
    NONE = "NONE"
    ZIP = "ZIP"


class Access(StrEnum):
    """Who may read or execute an artifact file."""

    NONE = "NONE"
    OWNER = "OWNER"
    ALL = "ALL"


@dataclass(frozen=True, slots=True)
class Dependency:
    component: str
    requirement: str
    type: DependencyType = DependencyType.HARD


@dataclass(frozen=True, slots=True)
class Artifact:
    """One entry of a manifest's Artifacts. `uri` is the text as written."""

    uri: str
    unarchive: Unarchive = Unarchive.NONE
    digest: str | None = None
    algorithm: str | None = None
    read: Access = Access.OWNER
    execute: Access = Access.NONE

    @property
    def scheme(self) -> str:
        """Lower-case scheme: `s3`, `docker`, `greengrass`."""
        return self.uri.partition(":")[0].lower()

    @property
    def file_name(self) -> str:
        """Last path segment; the name of the file in the artifact folder (not for docker)."""
        return self.uri.partition("?")[0].rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Manifest:
    name: str | None = None
    platform: Mapping[str, str | None] = field(default_factory=dict)
    lifecycle: Mapping[str, Any] = field(default_factory=dict)
    selections: tuple[str, ...] = ("all",)
    artifacts: tuple[Artifact, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """`text` is the document as read, so that the same recipe can be stored and read again."""

    name: str
    version: str
    manifests: tuple[Manifest, ...]
    dependencies: tuple[Dependency, ...] = ()
    default_configuration: Mapping[str, Any] = field(default_factory=dict)
    lifecycle: Mapping[str, Any] = field(default_factory=dict)
    type: str = "aws.greengrass.generic"
    description: str | None = None
    publisher: str | None = None
    source: Path | None = None
    text: str = ""
    is_json: bool = False


@dataclass(frozen=True, slots=True)
class SkipIf:
    """`[!]onpath NAME` or `[!]exists PATH`."""

    operator: str
    argument: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One lifecycle step. `timeout_s` None means the step's default (none for run)."""

    script: str
    requires_privilege: bool = False
    skip_if: SkipIf | None = None
    timeout_s: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


DEFAULT_TIMEOUT_S: Mapping[str, float | None] = {
    "bootstrap": 120,
    "install": 120,
    "startup": 120,
    "run": None,
    "shutdown": 15,
    "recover": 60,
    "uninstall": 120,
}


@dataclass(frozen=True, slots=True)
class Steps:
    """The lifecycle of one component after selection and interpolation."""

    bootstrap: Step | None = None
    install: Step | None = None
    startup: Step | None = None
    run: Step | None = None
    shutdown: Step | None = None
    recover: Step | None = None
    uninstall: Step | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    error_reset_s: float = 3600
