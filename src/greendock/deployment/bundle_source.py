"""What a bundle of this device has to hold: deployed components, and all that they depend on.

Reads nothing but what the last deployment left in memory; files and images are the caller's to
fetch. Built-in components are left out, every core has its own. Called by the IPC operation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from greendock.base.errors import UsageError
from greendock.base.paths import Paths
from greendock.deployment.chosen import Surroundings
from greendock.deployment.current import Current
from greendock.deployment.device_state import DeployedComponent
from greendock.deployment.library import deployed_recipe
from greendock.recipe.model import Recipe
from greendock.recipe.platform import choose_manifest

ImageIds = Callable[[str, str], Mapping[str, str]]
"""Image ids by artifact URI, of a component's name and version; what isn't known is left out."""


@dataclass(frozen=True, slots=True)
class BundledImage:
    """An image artifact. `image_id`: sha256:…, None when the core doesn't know it; of an image
    that was loaded from an archive (no `docker:` URI) it is always known."""

    uri: str
    image_id: str | None


@dataclass(frozen=True, slots=True)
class BundledComponent:
    """`artifact_folder` may not exist: a component without files has none."""

    name: str
    version: str
    recipe_text: str
    recipe_is_json: bool
    artifact_folder: Path
    images: tuple[BundledImage, ...]


@dataclass(frozen=True, slots=True)
class BundleDescription:
    """`roots`: what was asked for, with versions; `components`: these and their dependencies."""

    roots: Mapping[str, str]
    components: tuple[BundledComponent, ...]


class DeployedBundle:
    """Fills the port BundleSource. `current` and `surroundings` are asked at each call."""

    def __init__(
        self,
        paths: Paths,
        current: Callable[[], Current],
        surroundings: Callable[[], Surroundings],
        image_ids: ImageIds,
    ) -> None:
        self._paths = paths
        self._current = current
        self._surroundings = surroundings
        self._image_ids = image_ids

    def describe(self, names: Sequence[str]) -> BundleDescription:
        """All root components, or the named ones. Raises UsageError, and RecipeError when the
        recipe of a component can't be read any more."""
        current, surroundings = self._current(), self._surroundings()
        deployed = {
            name: component
            for name, component in current.state.components.items()
            if name not in surroundings.built_ins
        }
        roots = _named(names, deployed) if names else _all_roots(current, deployed)
        recipes = _closure(roots, deployed, current)
        return BundleDescription(
            {name: deployed[name].version for name in roots},
            tuple(
                self._component(deployed[name], recipes[name], surroundings.labels)
                for name in sorted(recipes)
            ),
        )

    def _component(
        self, component: DeployedComponent, recipe: Recipe, labels: Mapping[str, str]
    ) -> BundledComponent:
        manifest = choose_manifest(recipe, labels)
        ids = self._image_ids(component.name, component.version)
        artifacts = manifest.artifacts if manifest else ()
        uris = [x.uri for x in artifacts if x.scheme == "docker" or x.uri in ids]
        return BundledComponent(
            component.name,
            component.version,
            component.recipe_text,
            component.recipe_is_json,
            self._paths.artifact_folder(component.name, component.version),
            tuple(BundledImage(uri, ids.get(uri)) for uri in dict.fromkeys(uris)),
        )


def _named(names: Sequence[str], deployed: Mapping[str, DeployedComponent]) -> list[str]:
    unknown = sorted(set(names) - deployed.keys())
    if unknown:
        raise UsageError(
            f"cannot describe {', '.join(unknown)} for a bundle: not deployed here",
            hint="`greendock component list` shows what is; built-in components need no bundle",
        )
    return list(dict.fromkeys(names))


def _all_roots(current: Current, deployed: Mapping[str, DeployedComponent]) -> list[str]:
    roots = {name for group in current.state.roots.values() for name in group}
    if not roots & deployed.keys():
        raise UsageError("cannot describe this device for a bundle: nothing is deployed")
    return sorted(roots & deployed.keys())


def _closure(
    roots: Sequence[str], deployed: Mapping[str, DeployedComponent], current: Current
) -> dict[str, Recipe]:
    """The roots and everything deployed that they depend on, with their recipes."""
    found: dict[str, Recipe] = {}
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name in found or name not in deployed:
            continue
        component = deployed[name]
        known = current.recipes.get((name, component.version))
        found[name] = known if known is not None else deployed_recipe(component)
        todo += [dependency.component for dependency in found[name].dependencies]
    return found
