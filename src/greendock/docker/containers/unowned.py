"""Containers that are a component's by all signs, but were started past its Docker socket.

They carry no label, so they are neither limited nor stopped nor adopted with the component: people
are told, once for each in the log. Which they are says ownership.py. Called when containers start.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from greendock.docker.containers.labels import read_owner
from greendock.docker.containers.ownership import Footprint, Seeker, find_own
from greendock.docker.containers.view import UnownedContainer
from greendock.docker.engine.container_model import ContainerInfo
from greendock.docker.engine.containers import ContainerStore
from greendock.docker.ports import Journal


def find_unowned(
    seekers: Iterable[Seeker],
    known: Mapping[str, Footprint],
    containers: Iterable[ContainerInfo],
) -> dict[str, tuple[UnownedContainer, ...]]:
    """By component, those that have any. `known`: all components of this core. Pure."""
    unlabelled = [one for one in containers if read_owner(one.labels) is None]
    found = {
        seeker.component: tuple(_shown(one) for one in find_own(seeker, known, unlabelled).own)
        for seeker in seekers
    }
    return {component: those for component, those in found.items() if those}


class UnownedContainers:
    """What was found at the last look."""

    def __init__(self, store: ContainerStore, journal: Journal) -> None:
        self._store = store
        self._journal = journal
        self._found: dict[str, tuple[UnownedContainer, ...]] = {}
        self._told: set[str] = set()

    async def look(self, seekers: Iterable[Seeker], known: Mapping[str, Footprint]) -> None:
        """Ask the engine what runs. Raises DockerError; what was found before stays then.

        `seekers`: the components that run and have a socket of their own.
        """
        running = await self._store.running()
        self._found = find_unowned(seekers, known, running)
        for component, those in self._found.items():
            for one in those:
                if one.id not in self._told:
                    self._tell(component, one)
        self._told = {one.id for those in self._found.values() for one in those}

    def of(self, component: str) -> tuple[UnownedContainer, ...]:
        """As far as is known; costs nothing."""
        return self._found.get(component, ())

    def _tell(self, component: str, one: UnownedContainer) -> None:
        self._journal.write(
            "WARN",
            "docker-container-unowned",
            f"container {one.name or one.id[:12]} was {one.why}: {component} can neither limit "
            "nor stop it, and it outlives the component",
        )


def _shown(container: ContainerInfo) -> UnownedContainer:
    name = container.names[0] if container.names else ""
    return UnownedContainer(container.id, name, container.image_name)
