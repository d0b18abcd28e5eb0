"""The recipes that a deployment can choose from: those it brings, those deployed, those stored.

Knows versions without parsing and parses a recipe when it is first asked for. What a deployment
brings goes before what is deployed, and that before the stored file of the same version: what
runs changes only by a deployment that says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from greendock.base.paths import Paths
from greendock.base.versions import Version
from greendock.deployment.device_state import DeployedComponent, DeviceState
from greendock.deployment.recipe_store import RecipeStore
from greendock.recipe.model import Recipe
from greendock.recipe.parse import parse_text

Recipes = Mapping[tuple[str, str], Recipe]
"""Parsed recipes by component name and version."""


class RecipeLibrary:
    """`incoming` are the deployment's own; `parsed` are those of `state`, as far as known."""

    def __init__(
        self, paths: Paths, state: DeviceState, incoming: Recipes, parsed: Recipes
    ) -> None:
        self._paths = paths
        self._store = RecipeStore(paths)
        self._stored: dict[str, list[str]] | None = None
        self._deployed = {
            (component.name, component.version): component
            for component in state.components.values()
            if component.recipe_text
        }
        self._parsed = {
            key: recipe
            for key, recipe in parsed.items()
            if key in self._deployed and recipe.text == self._deployed[key].recipe_text
        } | dict(incoming)

    def versions(self, component: str) -> list[str]:
        """Versions on this device, newest first."""
        if self._stored is None:
            self._stored = self._store.versions()
        found = {
            version for name, version in (*self._parsed, *self._deployed) if name == component
        }
        found |= {v for v in self._stored.get(self._store.key_of(component), ()) if _is_version(v)}
        return sorted(found, key=Version, reverse=True)

    def recipe(self, component: str, version: str) -> Recipe:
        """Raises RecipeError when the stored recipe is faulty, OSError when it can't be read."""
        key = (component, version)
        if key not in self._parsed:
            self._parsed[key] = self._read(component, version)
        return self._parsed[key]

    def _read(self, component: str, version: str) -> Recipe:
        deployed = self._deployed.get((component, version))
        if deployed is not None:
            return deployed_recipe(deployed)
        path = self._paths.recipe_file(component, version)
        data = path.read_bytes()
        return parse_text(data, path, is_json=_is_json(data))


def deployed_recipe(component: DeployedComponent) -> Recipe:
    """The recipe that a component was deployed with; raises RecipeError."""
    return parse_text(
        component.recipe_text,
        Path(f"{component.name}-{component.version}"),
        is_json=component.recipe_is_json,
    )


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except ValueError:
        return False
    return True


def _is_json(data: bytes) -> bool:
    """Stored recipes keep their form; `{` alone could also begin a YAML flow map."""
    if not data.lstrip().startswith(b"{"):
        return False
    try:
        json.loads(data)
    except ValueError:
        return False
    return True
