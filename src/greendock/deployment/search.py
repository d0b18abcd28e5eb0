"""Searches versions that meet every requirement, back-tracking; pure.

The search is resolvelib's. What is ours: the order in which versions are tried, and that a recipe
is looked at only when its version is tried. Called by the resolver when the straight way fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resolvelib import AbstractProvider, BaseReporter, ResolutionImpossible, Resolver
from resolvelib.resolvers import ResolutionTooDeep

from greendock.base.errors import ResolutionError
from greendock.deployment.conflict import explain_conflict
from greendock.deployment.requirements import Catalogue, Requirement, dependencies_of

_MAX_ROUNDS = 20_000


@dataclass(frozen=True, slots=True)
class _Candidate:
    component: str
    version: str


def search(roots: Iterable[Requirement], catalogue: Catalogue) -> dict[str, str]:
    """Component → version. Raises ResolutionError."""
    resolver: Resolver[Requirement, _Candidate, str] = Resolver(
        _Provider(catalogue), BaseReporter()
    )
    try:
        result = resolver.resolve(list(roots), max_rounds=_MAX_ROUNDS)
    except ResolutionImpossible as error:
        causes = [cause.requirement for cause in error.causes]
        raise explain_conflict(causes, catalogue) from error
    except ResolutionTooDeep as error:
        raise ResolutionError(
            f"cannot resolve versions: no solution within {_MAX_ROUNDS} steps",
            hint="narrow the version requirements of the recipes",
        ) from error
    return {name: candidate.version for name, candidate in result.mapping.items()}


class _Provider(AbstractProvider[Requirement, _Candidate, str]):
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[tuple[str, frozenset[str]], list[str]] = {}

    def identify(self, requirement_or_candidate: Requirement | _Candidate) -> str:
        return requirement_or_candidate.component

    def get_preference(
        self,
        identifier: str,
        resolutions: Mapping[str, _Candidate],
        candidates: Mapping[str, Iterator[_Candidate]],
        information: Mapping[str, Iterator[Any]],
        backtrack_causes: Sequence[Any],
    ) -> tuple[bool, int, str]:
        causes = {cause.requirement.component for cause in backtrack_causes}
        wanted = (entry.requirement.wanted for entry in information[identifier])
        return (identifier not in causes, len(self._fitting(identifier, wanted)), identifier)

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[Requirement]],
        incompatibilities: Mapping[str, Iterator[_Candidate]],
    ) -> Callable[[], Iterator[_Candidate]]:
        wanted = [requirement.wanted for requirement in requirements[identifier]]
        refused = {candidate.version for candidate in incompatibilities[identifier]}

        def usable() -> Iterator[_Candidate]:
            for version in self._fitting(identifier, wanted):
                if version in refused or self._catalogue.why_unusable(identifier, version):
                    continue
                yield _Candidate(identifier, version)

        return usable

    def _fitting(self, component: str, wanted: Iterable[str]) -> list[str]:
        key = (component, frozenset(wanted))
        if key not in self._known:
            self._known[key] = [
                version
                for version in self._catalogue.versions(component)
                if all(self._catalogue.accepts(component, version, text) for text in key[1])
            ]
        return self._known[key]

    def is_satisfied_by(self, requirement: Requirement, candidate: _Candidate) -> bool:
        return self._catalogue.accepts(candidate.component, candidate.version, requirement.wanted)

    def get_dependencies(self, candidate: _Candidate) -> list[Requirement]:
        return dependencies_of(candidate.component, candidate.version, self._catalogue)
