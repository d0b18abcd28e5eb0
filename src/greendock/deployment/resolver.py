"""Finds one version per component that meets every requirement; pure, back-tracking.

The search is resolvelib's. What is ours: the order in which versions are tried (what runs already,
then the newest), and errors that name every requirement with who made it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from resolvelib import AbstractProvider, BaseReporter, ResolutionImpossible, Resolver
from resolvelib.resolvers import ResolutionTooDeep

from greendock.base.errors import DeploymentError, ResolutionError
from greendock.recipe.model import Dependency

_MAX_ROUNDS = 20_000
_VERDICTS = 10
"""How many versions of a component an error explains."""


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
    nothing = any(not catalogue.versions(component) for component in by_component)
    unusable = any(
        catalogue.why_unusable(component, version)
        for component, requirements in by_component.items()
        for version in _accepted(component, requirements, catalogue)
    )
    codes = ResolutionError.default_codes
    return ResolutionError(
        "cannot resolve versions: " + "; ".join(lines),
        codes=(*codes, "LOCAL_RECIPE_NOT_FOUND") if unusable else codes,
        hint="give the missing recipe with --recipeDir"
        if nothing
        else "change one of these requirements or give a version that meets them all",
    )


def _accepted(
    component: str, requirements: Sequence[Requirement], catalogue: Catalogue
) -> list[str]:
    return [
        version
        for version in catalogue.versions(component)
        if all(catalogue.accepts(component, version, r.wanted) for r in requirements)
    ]


def _explain(component: str, requirements: Sequence[Requirement], catalogue: Catalogue) -> str:
    asks = ", ".join(f"{r.by} requires {component} {r.wanted}" for r in requirements)
    versions = list(catalogue.versions(component))
    if not versions:
        return f"{asks}, and this device has no recipe of it"
    shown = versions[:_VERDICTS]
    verdicts = [_verdict(component, version, requirements, catalogue) for version in shown]
    if len(versions) > len(shown):
        verdicts.append(f"{len(versions) - len(shown)} more")
    return f"{asks}; there is {'; '.join(verdicts)}"


def _verdict(
    component: str, version: str, requirements: Sequence[Requirement], catalogue: Catalogue
) -> str:
    against = [
        f"{r.wanted} of {r.by}"
        for r in requirements
        if not catalogue.accepts(component, version, r.wanted)
    ]
    if against:
        return f"{version} (excluded by {' and '.join(against)})"
    why = catalogue.why_unusable(component, version)
    return f"{version} (can't be used: {why})" if why else version


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
