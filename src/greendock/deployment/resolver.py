"""Finds one version per component that meets every requirement; pure.

First the straight way: for each component the first version (what runs already, then the newest)
that what is known so far accepts. Where a later requirement doesn't accept it, the search starts,
which is slower and can go back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from greendock.base.errors import DeploymentError
from greendock.deployment.requirements import Catalogue, Requirement, dependencies_of


def resolve(roots: Iterable[Requirement], catalogue: Catalogue) -> dict[str, str]:
    """Component → version, dependencies before dependers.

    Raises ResolutionError (nothing fits; says which requirement excludes which version) and
    DeploymentError (dependency cycle).
    """
    wanted = list(roots)
    versions = _straight(wanted, catalogue)
    if versions is None:
        from greendock.deployment.search import search

        versions = search(wanted, catalogue)
    return {name: versions[name] for name in _dependencies_first(versions, catalogue)}


def _straight(roots: Sequence[Requirement], catalogue: Catalogue) -> dict[str, str] | None:
    """The versions, when no choice has to be taken back; None otherwise.

    Each is the most preferred one under fewer requirements than there are and meets all of them,
    so the search would choose it as well.
    """
    chosen: dict[str, str] = {}
    waiting = deque(roots)
    while waiting:
        requirement = waiting.popleft()
        name, text = requirement.component, requirement.wanted
        if name in chosen:
            if not catalogue.accepts(name, chosen[name], text):
                return None
            continue
        fitting = (v for v in catalogue.versions(name) if catalogue.accepts(name, v, text))
        version = next((v for v in fitting if catalogue.why_unusable(name, v) is None), None)
        if version is None:
            return None
        chosen[name] = version
        waiting += dependencies_of(name, version, catalogue)
    return chosen


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
