"""The recipes that this device has: `packages/recipes`, with those of a deployment laid over them.

Finds versions by file name (no parsing) and parses a recipe when it is first asked for. Incoming
recipes are in memory until the deployment is committed, so that a failed one leaves no trace.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from greendock.base.durable import write_atomic
from greendock.base.errors import DeploymentError, GreendockError
from greendock.base.paths import Paths
from greendock.base.versions import Version
from greendock.recipe.findings import RecipeError
from greendock.recipe.model import Recipe
from greendock.recipe.parse import parse_text, read_recipe

_SUFFIXES = (".yaml", ".yml", ".json")


class RecipeLibrary:
    """Local recipes under `paths`, with `incoming` ones, by (name, version), before them.

    `deployed` holds (text, is JSON) of the components on the device, for when the library's
    file of one is gone.
    """

    def __init__(
        self,
        paths: Paths,
        incoming: Mapping[tuple[str, str], Recipe] | None = None,
        deployed: Mapping[tuple[str, str], tuple[str, bool]] | None = None,
    ) -> None:
        self._paths = paths
        self._incoming = dict(incoming or {})
        self._deployed = {key: value for key, value in (deployed or {}).items() if value[0]}
        self._parsed: dict[tuple[str, str], Recipe] = {}

    def versions(self, component: str) -> list[str]:
        """Versions on this device, newest first."""
        pattern = self._paths.recipe_file(component, "0").name.replace("@0.", "@*.", 1)
        prefix = len(pattern.partition("*")[0])
        found = {
            path.name[prefix : -len(".recipe.yaml")] for path in self._paths.recipes.glob(pattern)
        }
        for name, version in (*self._incoming, *self._deployed):
            if name == component:
                found.add(version)
        return sorted(found, key=Version, reverse=True)

    def recipe(self, component: str, version: str) -> Recipe:
        """Raises RecipeError when the stored file is faulty."""
        key = (component, version)
        if key in self._incoming:
            return self._incoming[key]
        if key not in self._parsed:
            self._parsed[key] = self._read(component, version)
        return self._parsed[key]

    def _read(self, component: str, version: str) -> Recipe:
        path = self._paths.recipe_file(component, version)
        try:
            text = path.read_bytes()
            is_json = _is_json(text)
        except FileNotFoundError:
            kept, is_json = self._deployed[component, version]
            text = kept.encode()
        return parse_text(text, path, is_json=is_json)

    def store(self, recipes: Iterable[Recipe]) -> None:
        """Write recipes durably, the text exactly as it was read. Raises OSError."""
        for recipe in recipes:
            path = self._paths.recipe_file(recipe.name, recipe.version)
            data = recipe.text.encode()
            if not path.exists() or path.read_bytes() != data:
                write_atomic(path, data)


def _is_json(text: bytes) -> bool:
    """Stored recipes keep their form; `{` alone could also begin a YAML flow map."""
    if not text.lstrip().startswith(b"{"):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def read_recipes(sources: Iterable[Path]) -> dict[tuple[str, str], Recipe]:
    """Every recipe of files and folders (searched at any depth), by (name, version).

    Raises RecipeError with the faults of all files, DeploymentError when a path can't be read or
    two files claim the same name and version.
    """
    found: dict[tuple[str, str], Recipe] = {}
    faults: list[RecipeError] = []
    for path in _files(sources):
        try:
            recipe = read_recipe(path)
        except RecipeError as error:
            faults.append(error)
            continue
        other = found.get((recipe.name, recipe.version))
        if other is not None and other.text != recipe.text:
            raise DeploymentError(
                f"cannot use recipes: {other.source} and {path} both define {recipe.name} "
                f"{recipe.version}",
                codes=("COMPONENT_PACKAGE_LOADING_ERROR",),
                hint="keep one of them, or give them different versions",
            )
        found[recipe.name, recipe.version] = recipe
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise GreendockError(
            "\n".join(fault.message for fault in faults), codes=RecipeError.default_codes
        )
    return found


def _files(sources: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for source in sources:
        try:
            if source.is_dir():
                files += sorted(
                    path
                    for path in source.rglob("*")
                    if path.suffix.lower() in _SUFFIXES and path.is_file() and path.stat().st_size
                )
            else:
                source.stat()
                files.append(source)
        except OSError as error:
            raise DeploymentError(
                f"cannot read recipes of {source}: {error.strerror}",
                codes=("COMPONENT_PACKAGE_LOADING_ERROR", "IO_ERROR", "IO_READ_ERROR"),
                hint="the core reads the folder as its own user; check its permissions",
            ) from error
    return files
