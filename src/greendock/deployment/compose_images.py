"""The images that the compose files of components name, as requests for a deployment.

Reads the files where they are staged, under the names that they will have. What can't be read is
told, never an error; a component whose scripts bring images themselves is left alone, since what
its files name may exist nowhere else. Fetches nothing. Called while a deployment is prepared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from greendock.docker.compose.component_folders import ComponentFolders
from greendock.docker.compose.compose_file import read_project
from greendock.docker.compose.compose_use import compose_uses, provides_images
from greendock.docker.compose.model import Project
from greendock.docker.errors import ImageReferenceError
from greendock.docker.model import EnsuredImage, ImageRequest
from greendock.docker.reference import parse_artifact_uri
from greendock.lifecycle.model import ComponentSpec
from greendock.recipe.model import Step, Steps
from greendock.recipe.shell.docker_bypass import names_engine_socket

ScriptEnvironment = Callable[[ComponentSpec, Step], Mapping[str, str]]
"""The variables that a step's script will have, as far as they are known before it starts."""


@dataclass(frozen=True, slots=True)
class ComposeReader:
    """One component to look at. `work_folder`: where its scripts start. `places`: see
    ComponentFolders."""

    spec: ComponentSpec
    work_folder: Path
    places: Mapping[Path, Path]
    environment: ScriptEnvironment

    @property
    def who(self) -> str:
        return f"{self.spec.name} {self.spec.version}"

    def images(self, warnings: list[str]) -> list[str]:
        """The images, each once. Blocking. What can't be read is added to `warnings`."""
        folders = ComponentFolders(self.places)
        images: list[str] = []
        brings_own = any(provides_images(step.script) for step in _starting(self.spec.steps))
        for step in _starting(self.spec.steps):
            environment = self.environment(self.spec, step)
            for use in compose_uses(step.script, str(self.work_folder), environment):
                project = read_project(use, folders.read)
                if not brings_own:
                    images += project.images
                warnings += [f"{self.who}: cannot read {text}" for text in project.problems]
                warnings += self._ways_around(project)
        return list(dict.fromkeys(images))

    def _ways_around(self, project: Project) -> list[str]:
        return [
            f"{self.who}: the service {service.name} mounts the engine's own socket, so "
            "containers that it starts are not the component's own"
            for service in project.services
            if any(names_engine_socket(volume) for volume in service.volumes)
        ]


def uses_compose(steps: Steps) -> bool:
    """Whether it is worth looking."""
    return any("compose" in step.script for step in _starting(steps))


@dataclass(frozen=True, slots=True)
class Wanted:
    """`requests`: what has to be fetched. `shared`: images that are there for another component's
    sake, under the name of the one whose compose file names them too."""

    requests: tuple[ImageRequest, ...] = ()
    shared: tuple[EnsuredImage, ...] = ()


def wanted_images(
    named: Iterable[tuple[str, str]], present: Sequence[EnsuredImage], warnings: list[str]
) -> Wanted:
    """`named`: component (`name version`) and image, as the files have it; `present`: what the
    deployment has fetched already."""
    had = {image.reference.canonical: image for image in present if image.reference is not None}
    users = {
        (image.reference.canonical, who)
        for image in present
        if image.reference is not None
        for who in image.needed_by
    }
    needed: dict[str, list[str]] = {}
    shared = []
    for who, image in named:
        uri = f"docker:{image}"
        try:
            reference = parse_artifact_uri(uri)
        except ImageReferenceError as error:
            warnings.append(f"{who}: its compose file names an image: {error.explain()}")
            continue
        if (reference.canonical, who) in users:
            continue
        users.add((reference.canonical, who))
        if reference.canonical in had:
            there = had[reference.canonical]
            shared.append(replace(there, uri=uri, needed_by=(who,), warning=None))
        else:
            needed.setdefault(uri, []).append(who)
    requests = tuple(ImageRequest(uri, tuple(who)) for uri, who in needed.items())
    return Wanted(requests, tuple(shared))


def _starting(steps: Steps) -> Iterable[Step]:
    for step in (steps.install, steps.startup, steps.run):
        if step is not None:
            yield step
