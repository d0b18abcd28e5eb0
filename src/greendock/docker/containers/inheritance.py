"""The generations of an earlier core: judged once, then taken by their components or given up.

Keeps the outcome of adoption.py and tells it to people. Asks nothing of an engine. Called by the
keeper of containers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from greendock.docker.containers.adoption import Deployed, decide
from greendock.docker.containers.generation import Generation, Kind
from greendock.docker.containers.generation_record import GenerationRecord
from greendock.docker.containers.model import OwnedContainer
from greendock.docker.ports import Journal


class Inheritance:
    """Of one core. `deployed`: what is to run, by the components' names."""

    def __init__(self, record: GenerationRecord, journal: Journal) -> None:
        self._record = record
        self._journal = journal
        self._left: set[str] = set()
        self._adopted: dict[str, str] = {}
        self.deployed: Mapping[str, Deployed] = {}
        self.is_decided = False

    def begin(self, deployed: Mapping[str, Deployed]) -> None:
        """At the core's start. What never reached the engine has nothing there."""
        self.deployed = dict(deployed)
        for entry in self._record.all():
            if entry.is_used:
                self._left.add(entry.id)
            else:
                self._record.remove(entry.id)

    @property
    def left(self) -> tuple[Generation, ...]:
        """About which nothing is decided yet."""
        return tuple(entry for entry in self._record.all() if entry.id in self._left)

    def may_have(self, component: str, fingerprint: str) -> bool:
        """Whether the decision could be for one of this component."""
        return any(
            entry.component == component
            and entry.fingerprint == fingerprint
            and entry.kind is not Kind.OTHER
            and not entry.is_ending
            for entry in self.left
        )

    def give_up(self, component: str) -> None:
        """The component begins a life of its own, or none: nothing is decided in its favour."""
        self._left -= {entry.id for entry in self.left if entry.component == component}

    def end(self, component: str) -> tuple[str, ...]:
        """The component does not want it: no later core takes it over either. Returns the one that
        was to go on, if that has been decided by now."""
        for entry in self.left:
            if entry.component == component:
                self._record.end(entry.id)
        self.give_up(component)
        taken = self.take(component)
        return () if taken is None else (taken.id,)

    def decide(
        self, found: Iterable[OwnedContainer], failures: Mapping[str, Mapping[str, int]]
    ) -> tuple[str, ...]:
        """The generations that go on; everything else of `left` is over."""
        decision = decide(self.left, found, self.deployed, failures)
        self.is_decided = True
        self._left.clear()
        self._adopted = dict(decision.adopted)
        for component in decision.adopted:
            text = f"the containers of {component} go on from an earlier life of the core"
            self._journal.write("INFO", "docker-containers-adopted", text)
        for component, why in decision.reasons.items():
            text = f"the containers of {component} are not taken over: {why}"
            self._journal.write("INFO", "docker-containers-not-adopted", text)
        return tuple(decision.adopted.values())

    def take(self, component: str) -> Generation | None:
        """The one that goes on, for who asks first."""
        generation = self._adopted.pop(component, None)
        return None if generation is None else self._record.get(generation)
