"""Finds what `greendock deploy PATH…` deploys: recipe files and the folders of their artifacts.

Walks the disk; whether a file is a recipe is for the caller to say. Folders named `artifacts` are
artifact folders (NAME/VERSION/FILE) and never searched for recipes. Called by deploy_sources.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from greendock.cli.artifact_fit import Folder
from greendock.cli.errors import ArgumentsError

_SUFFIXES = (".yaml", ".yml", ".json")
_SKIPPED = frozenset({"node_modules", "__pycache__", "venv"})


class Found(NamedTuple):
    """`recipes` are to be deployed; `neighbours` lie beside a recipe that was named as a file.

    All paths are absolute. `artifacts` holds NAME/VERSION folders.
    """

    recipes: list[Path]
    neighbours: list[Path]
    artifacts: list[Path]


def search(
    paths: Sequence[str], artifact_dirs: Sequence[str], is_recipe: Callable[[Path], bool]
) -> Found:
    """A file that is named is taken as a recipe; `is_recipe` is asked for the others.

    ArgumentsError for a path that isn't there and a folder without recipes.
    """
    found = Found([], [], [])
    for text in paths:
        path = Path(text).expanduser().absolute()
        if path.is_file():
            _add_file(path, found)
        elif path.is_dir():
            _add_folder(path, found, is_recipe)
        else:
            raise ArgumentsError(f"cannot deploy {text}: no such file or folder")
    for text in artifact_dirs:
        path = Path(text).expanduser().absolute()
        if not path.is_dir():
            raise ArgumentsError(f"cannot use --artifactDir {text}: it is not a folder")
        found.artifacts.append(path)
    recipes = _unique(found.recipes)
    neighbours = [path for path in _unique(found.neighbours) if path not in recipes]
    if not found.artifacts:
        neighbours = []
    return Found(
        recipes, [path for path in neighbours if is_recipe(path)], _unique(found.artifacts)
    )


def artifact_folders(roots: Iterable[Path]) -> list[Folder]:
    """Every NAME/VERSION folder below `roots`, with the files in it."""
    folders = []
    for root in roots:
        for component in _subfolders(root):
            folders += [
                Folder(str(root), component.name, version.name, frozenset(_files(version)))
                for version in _subfolders(component)
            ]
    return folders


def _add_file(path: Path, found: Found) -> None:
    folder = path.parent
    found.recipes.append(path)
    if os.access(folder, os.R_OK):
        found.neighbours.extend(
            other
            for other in sorted(folder.iterdir())
            if _may_be_recipe(other) and os.access(other, os.R_OK)
        )
    places = [folder / "artifacts"]
    if folder.name == "recipes":
        places.append(folder.parent / "artifacts")
    found.artifacts.extend(place for place in places if place.is_dir())


def _add_folder(path: Path, found: Found, is_recipe: Callable[[Path], bool]) -> None:
    built = path / "greengrass-build"
    if (path / "gdk-config.json").is_file() and (built / "recipes").is_dir():
        path = built
    before = len(found.recipes)
    for folder, names, files in os.walk(path, onerror=_refuse):
        here = Path(folder)
        if "artifacts" in names:
            found.artifacts.append(here / "artifacts")
        names[:] = sorted(name for name in names if _is_searched(name))
        inside = [here / name for name in sorted(files)]
        found.recipes.extend(each for each in inside if _may_be_recipe(each) and is_recipe(each))
    if len(found.recipes) == before:
        raise ArgumentsError(
            f"cannot deploy {path}: there is no recipe in it",
            hint="a recipe is a .yaml, .yml or .json file with the key RecipeFormatVersion, "
            "outside folders named artifacts",
        )


def _refuse(error: OSError) -> None:
    raise ArgumentsError(f"cannot search {error.filename}: {error.strerror}") from error


def _is_searched(folder: str) -> bool:
    return folder != "artifacts" and folder not in _SKIPPED and not folder.startswith(".")


def _may_be_recipe(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and path.is_file()


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError as error:
        raise ArgumentsError(f"cannot read {folder}: {error.strerror}") from error


def _files(folder: Path) -> Iterator[str]:
    """Paths below `folder`, relative to it, with forward slashes."""
    for here, _, names in os.walk(folder):
        for name in names:
            yield (Path(here) / name).relative_to(folder).as_posix()


def _unique(paths: Iterable[Path]) -> list[Path]:
    """Each real file or folder once, in the order of its first name."""
    seen: dict[Path, Path] = {}
    for path in paths:
        seen.setdefault(path.resolve(), path)
    return list(seen.values())
