"""Judges the image names of a recipe's `docker:` artifacts, as findings at the URI's place.

Here and not in the recipe's own check, since recipes know nothing of Docker. Pure; called by the
commands that check recipes.
"""

from __future__ import annotations

from collections.abc import Iterable

from greendock.recipe.artifacts import LocatedArtifact
from greendock.recipe.findings import Finding, Severity

_RULE = "docker-image"
_PIN = "add a tag or a digest to the URI, for example :1.0.0"
_ACCOUNT = "write the number of the account that owns the repository"


def image_findings(artifacts: Iterable[LocatedArtifact]) -> list[Finding]:
    """An error for each name that is none, and what is worth a warning about the others."""
    named = [each for each in artifacts if each.artifact.scheme == "docker"]
    if not named:
        return []
    # Loaded for recipes that name images, which keeps the command quick for the others.
    from greendock.docker.errors import ImageReferenceError
    from greendock.docker.reference import parse_artifact_uri

    found: list[Finding] = []
    for artifact, place in ((each.artifact, each.place) for each in named):
        try:
            image = parse_artifact_uri(artifact.uri)
        except ImageReferenceError as error:
            fix = error.hint or "write docker:repository/image:1.0.0"
            found.append(Finding(Severity.ERROR, _RULE, *place, error.message, fix))
        else:
            fixes = (_ACCOUNT,) if image.is_pinned else (_PIN, _ACCOUNT)
            found += [
                Finding(Severity.WARNING, _RULE, *place, text, fix)
                for text, fix in zip(image.warnings, fixes, strict=False)
            ]
    return found
