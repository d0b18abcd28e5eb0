"""Finds one version per component that meets every requirement; pure, back-tracking.

The search is resolvelib's. What is ours: the order in which versions are tried (what runs already,
then the newest), and errors that name every requirement with who made it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from resolvelib import AbstractProvider, BaseReporter, ResolutionImpossible, Resolver
from resolvelib.resolvers import ResolutionTooDeep

from greendock.base.errors import DeploymentError, ResolutionError
from greendock.recipe.model import Dependency

_MAX_ROUNDS = 20_000


@dataclass(frozen=True, slots=True)
class Requirement:
    """`by` says who asks: `com.example.A 1.0.0`, or the group for a root."""

    component: str
    wanted: str
    by: str


class Catalogue(Protocol):
    """The versions that there are; filled from the local library and the built-ins."""

    def versions(self, component: str) -> Sequence[str]:
        """Usable ones in the order to try."""

    def accepts(self, component: str, version: str, wanted: str) -> bool: ...

    def dependencies(self, component: str, version: str) -> Sequence[Dependency]: ...

    def unusable(self, component: str) -> Mapping[str, str]:
        """Versions that exist but can't be used here, with the reason."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    component: str
    version: str


def resolve(roots: Iterable[Requirement], catalogue: Catalogue) -> dict[str, str]:
    """Component → version, dependencies before dependers.

    Raises ResolutionError (nothing fits; says which requirement excludes which version) and
    DeploymentError (dependency cycle).
    """
    resolver: Resolver[Requirement, _Candidate, str] = Resolver(
        _Provider(catalogue), BaseReporter()
    )
    try:
        result = resolver.resolve(list(roots), max_rounds=_MAX_ROUNDS)
    except ResolutionImpossible as error:
        raise _conflict([cause.requirement for cause in error.causes], catalogue) from error
    except ResolutionTooDeep as error:
        raise ResolutionError(
            f"cannot resolve versions: no solution within {_MAX_ROUNDS} steps",
            hint="narrow the version requirements of the recipes",
        ) from error
    versions = {name: candidate.version for name, candidate in result.mapping.items()}
    return {name: versions[name] for name in _dependencies_first(versions, catalogue)}


class _Provider(AbstractProvider[Requirement, _Candidate, str]):
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

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
        return (identifier not in causes, sum(1 for _ in candidates[identifier]), identifier)

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[Requirement]],
        incompatibilities: Mapping[str, Iterator[_Candidate]],
    ) -> list[_Candidate]:
        wanted = [requirement.wanted for requirement in requirements[identifier]]
        refused = {candidate.version for candidate in incompatibilities[identifier]}
        return [
            _Candidate(identifier, version)
            for version in self._catalogue.versions(identifier)
            if version not in refused
            and all(self._catalogue.accepts(identifier, version, text) for text in wanted)
        ]

    def is_satisfied_by(self, requirement: Requirement, candidate: _Candidate) -> bool:
        return self._catalogue.accepts(candidate.component, candidate.version, requirement.wanted)

    def get_dependencies(self, candidate: _Candidate) -> list[Requirement]:
        by = f"{candidate.component} {candidate.version}"
        return [
            Requirement(dependency.component, dependency.requirement, by)
            for dependency in self._catalogue.dependencies(candidate.component, candidate.version)
        ]


def _conflict(causes: Sequence[Requirement], catalogue: Catalogue) -> ResolutionError:
    by_component: dict[str, list[Requirement]] = {}
    for requirement in dict.fromkeys(causes):
        by_component.setdefault(requirement.component, []).append(requirement)
    lines = [
        _explain(component, requirements, catalogue)
        for component, requirements in by_component.items()
    ]
    nothing = any(
        not catalogue.versions(component) and not catalogue.unusable(component)
        for component in by_component
    )
    platform = any(catalogue.unusable(component) for component in by_component)
    codes = ResolutionError.default_codes
    return ResolutionError(
        "cannot resolve versions: " + "; ".join(lines),
        codes=(*codes, "LOCAL_RECIPE_NOT_FOUND") if platform else codes,
        hint="give the missing recipe with --recipeDir"
        if nothing
        else "change one of these requirements or give a version that meets them all",
    )


def _explain(component: str, requirements: Sequence[Requirement], catalogue: Catalogue) -> str:
    asks = ", ".join(f"{r.by} requires {component} {r.wanted}" for r in requirements)
    versions = list(catalogue.versions(component))
    text = f"{asks}, and this device has no recipe of it"
    if versions:
        verdicts = "; ".join(
            _verdict(component, v, requirements, catalogue) for v in versions[:10]
        )
        text = f"{asks}; there is {verdicts}"
    for version, why in catalogue.unusable(component).items():
        text += f"; {version} can't be used: {why}"
    return text


def _verdict(
    component: str, version: str, requirements: Sequence[Requirement], catalogue: Catalogue
) -> str:
    against = [
        f"{r.wanted} of {r.by}"
        for r in requirements
        if not catalogue.accepts(component, version, r.wanted)
    ]
    return f"{version} (excluded by {' and '.join(against)})" if against else version


def _dependencies_first(versions: Mapping[str, str], catalogue: Catalogue) -> list[str]:
    order: list[str] = []
    done: set[str] = set()
    for start in versions:
        path: list[str] = []
        stack: list[tuple[str, Iterator[str]]] = []
        _enter(start, versions, catalogue, path, stack, done)
        while stack:
            name, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                path.pop()
                done.add(name)
                order.append(name)
            elif following in path:
                raise _cycle([*path[path.index(following) :], following])
            else:
                _enter(following, versions, catalogue, path, stack, done)
    return order


def _enter(
    name: str,
    versions: Mapping[str, str],
    catalogue: Catalogue,
    path: list[str],
    stack: list[tuple[str, Iterator[str]]],
    done: set[str],
) -> None:
    if name in done:
        return
    path.append(name)
    dependencies = catalogue.dependencies(name, versions[name])
    stack.append((name, iter([d.component for d in dependencies])))


def _cycle(names: Sequence[str]) -> DeploymentError:
    return DeploymentError(
        "cannot deploy components that depend on each other in a circle: " + " → ".join(names),
        codes=("COMPONENT_CIRCULAR_DEPENDENCY_ERROR",),
        hint="remove one of these dependencies from its recipe",
    )
