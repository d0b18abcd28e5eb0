"""The labels by which a container, network or volume belongs to one life of one component.

Pure. Everything that is created through a component's Docker socket carries them; what a client
sends under the prefix is dropped first. Whoever asks whose something is, reads them here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "greendock."
CORE = "greendock.core"
COMPONENT = "greendock.component"
VERSION = "greendock.version"
DEPLOYMENT = "greendock.deployment"
GENERATION = "greendock.generation"
LABELS = (CORE, COMPONENT, VERSION, DEPLOYMENT, GENERATION)


@dataclass(frozen=True, slots=True)
class Owner:
    """One life of a component. `core`: of which core, two can share an engine. `generation`:
    unique over all lives of all components and cores. `deployment`: id, empty when not known."""

    core: str
    component: str
    version: str
    generation: str
    deployment: str = ""


def labels_of(owner: Owner) -> dict[str, str]:
    return {
        CORE: owner.core,
        COMPONENT: owner.component,
        VERSION: owner.version,
        DEPLOYMENT: owner.deployment,
        GENERATION: owner.generation,
    }


def read_owner(labels: Mapping[str, str]) -> Owner | None:
    """Whose it is; None for what belongs to no core."""
    core, generation = labels.get(CORE), labels.get(GENERATION)
    if not core or not generation:
        return None
    return Owner(
        core=core,
        component=labels.get(COMPONENT, ""),
        version=labels.get(VERSION, ""),
        generation=generation,
        deployment=labels.get(DEPLOYMENT, ""),
    )


def is_ours(name: str) -> bool:
    """Whether a label of this name is for the core to set only. The engine takes names as they
    are; here case does not count, so that no look-alike gets through."""
    return name.casefold().startswith(PREFIX)
