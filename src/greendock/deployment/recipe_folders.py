"""Reads the recipes that a deployment brings: files, and folders searched at any depth.

Reports the faults of all files at once. Blocking: call it in a thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

from greendock.base.errors import DeploymentError, GreendockError
from greendock.recipe.document import MAX_BYTES
from greendock.recipe.findings import RecipeError
from greendock.recipe.model import Recipe
from greendock.recipe.parse import SUFFIXES, is_json_path, read_recipe

_MOST_FILES = 10_000
"""A folder with more is a mistake such as `/`, and reading it would take the core's time."""


def read_recipes(
    sources: Iterable[Path], known: Iterable[Recipe] = ()
) -> dict[tuple[str, str], Recipe]:
    """Every recipe of files and folders (searched at any depth), by (name, version).

    A file that says the same as one of `known` is not parsed. Raises RecipeError with the faults
    of all files, DeploymentError when a path can't be read or two files claim the same name and
    version.
    """
    parsed = {(recipe.text, recipe.is_json): recipe for recipe in known}
    found: dict[tuple[str, str], Recipe] = {}
    faults: list[RecipeError] = []
    for path in _files(sources):
        try:
            recipe = _known(path, parsed) or read_recipe(path)
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


def _known(path: Path, parsed: Mapping[tuple[str, bool], Recipe]) -> Recipe | None:
    if not parsed:
        return None
    try:
        text = path.read_text(encoding="utf-8") if path.stat().st_size <= MAX_BYTES else ""
    except (OSError, ValueError):
        return None  # reading it as a recipe says what is wrong
    return parsed.get((text, is_json_path(path)))


def _files(sources: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for source in sources:
        try:
            if source.is_dir():
                files += sorted(islice(_recipe_files(source), _MOST_FILES + 1))
            else:
                source.stat()
                files.append(source)
        except OSError as error:
            raise DeploymentError(
                f"cannot read recipes of {source}: {error.strerror}",
                codes=("COMPONENT_PACKAGE_LOADING_ERROR", "IO_ERROR", "IO_READ_ERROR"),
                hint="the core reads the folder as its own user; check its permissions",
            ) from error
        if len(files) > _MOST_FILES:
            raise DeploymentError(
                f"cannot read recipes of {source}: it holds more than {_MOST_FILES} YAML and JSON "
                "files",
                codes=("COMPONENT_PACKAGE_LOADING_ERROR",),
                hint="name the folder that holds the recipes",
            )
    return files


def _recipe_files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.suffix.lower() in SUFFIXES and path.is_file() and path.stat().st_size:
            yield path
