"""What the chosen components need on the device before they can run: images and files; pure.

Raises errors for artifacts that no source can serve by their form; whether they can be had is
found out when they are fetched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from greendock.artifacts.model import ComponentFiles
from greendock.base.errors import ConfigurationError
from greendock.config.settings import own_archives
from greendock.deployment.builtins import DOCKER_APPLICATION_MANAGER, TOKEN_EXCHANGE_SERVICE
from greendock.deployment.document import LocalRequest
from greendock.deployment.target import Chosen
from greendock.docker.model import ImageRequest
from greendock.docker.reference import parse_artifact_uri
from greendock.docker.registry_kind import RegistryKind
from greendock.recipe.model import Artifact


def needed_images(chosen: Mapping[str, Chosen], warnings: list[str]) -> tuple[ImageRequest, ...]:
    """Each `docker:` artifact once, with who needs it; raises ImageReferenceError."""
    needed: dict[str, list[str]] = {}
    for item in chosen.values():
        for artifact in item.manifest.artifacts if item.manifest else ():
            if artifact.scheme != "docker":
                continue
            who = f"{item.name} {item.version}"
            reference = parse_artifact_uri(artifact.uri)
            needed.setdefault(artifact.uri, []).append(who)
            warnings += _missing_built_ins(who, reference.kind, chosen)
    return tuple(ImageRequest(uri, tuple(who)) for uri, who in needed.items())


def _missing_built_ins(who: str, kind: RegistryKind, chosen: Mapping[str, Chosen]) -> list[str]:
    """Greengrass refuses such recipes; here the images are had all the same."""
    missing = []
    if DOCKER_APPLICATION_MANAGER not in chosen:
        missing.append(DOCKER_APPLICATION_MANAGER)
    if kind is RegistryKind.ECR_PRIVATE and TOKEN_EXCHANGE_SERVICE not in chosen:
        missing.append(TOKEN_EXCHANGE_SERVICE)
    return [
        f"{who} has a docker artifact but nothing depends on {name}: AWS IoT Greengrass would "
        "refuse this recipe; add it to ComponentDependencies"
        for name in missing
    ]


def needed_files(
    chosen: Mapping[str, Chosen], request: LocalRequest
) -> tuple[ComponentFiles, ...]:
    """What each component with a recipe needs in its artifact folder; the owner is still open."""
    return tuple(
        ComponentFiles(
            item.name,
            item.version,
            tuple(a for a in item.manifest.artifacts if a.scheme != "docker"),
            request.artifact_folders,
            item.content_id,
            archives=_archives(item, item.manifest.artifacts),
        )
        for item in chosen.values()
        if item.manifest is not None
    )


def _archives(item: Chosen, artifacts: Sequence[Artifact]) -> tuple[str, ...]:
    """Raises ConfigurationError for a name that is no file of the recipe."""
    names = own_archives(item.name, item.configuration)
    files = {artifact.file_name for artifact in artifacts if artifact.scheme != "docker"}
    for name in names:
        if name not in files:
            known = ", ".join(sorted(files)) or "none"
            raise ConfigurationError(
                f"cannot load {name} of {item.name} {item.version}: greendock.docker.loadArchives "
                f"names no artifact of the recipe (its files: {known})"
            )
    return names
