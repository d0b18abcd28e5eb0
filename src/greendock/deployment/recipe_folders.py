"""Reads the recipes that a deployment brings: files, and folders searched at any depth.

Reports the faults of all files at once. Blocking: call it in a thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from greendock.base.errors import DeploymentError, GreendockError
from greendock.recipe.findings import RecipeError
from greendock.recipe.model import Recipe
from greendock.recipe.parse import SUFFIXES, read_recipe


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
                    if path.suffix.lower() in SUFFIXES and path.is_file() and path.stat().st_size
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
