"""What resolving works on: who requires which versions of what, and what there is; plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from greendock.recipe.model import Dependency


@dataclass(frozen=True, slots=True)
class Requirement:
    """`by` says who asks: `com.example.A 1.0.0`, or the group for a root."""

    component: str
    wanted: str
    by: str


class Catalogue(Protocol):
    """The versions that there are; filled from the local library and the built-ins."""

    def versions(self, component: str) -> Sequence[str]:
        """All that there are, in the order to try."""

    def accepts(self, component: str, version: str, wanted: str) -> bool: ...

    def dependencies(self, component: str, version: str) -> Sequence[Dependency]: ...

    def why_unusable(self, component: str, version: str) -> str | None:
        """Why a version that exists can't be used here; None when it can. Asked late: it may
        have to read the recipe."""


def dependencies_of(component: str, version: str, catalogue: Catalogue) -> list[Requirement]:
    """What a version of a component requires."""
    by = f"{component} {version}"
    return [
        Requirement(dependency.component, dependency.requirement, by)
        for dependency in catalogue.dependencies(component, version)
    ]
