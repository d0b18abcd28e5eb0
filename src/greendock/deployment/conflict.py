"""Why no set of versions fits: every requirement with who made it, every version with what
excludes it; pure. Called by the search."""

from __future__ import annotations

from collections.abc import Sequence

from greendock.base.errors import ResolutionError
from greendock.deployment.requirements import Catalogue, Requirement

_VERDICTS = 10
"""How many versions of a component an error explains."""


def explain_conflict(causes: Sequence[Requirement], catalogue: Catalogue) -> ResolutionError:
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
