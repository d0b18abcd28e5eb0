"""The recipe files of this device, `packages/recipes`: written beside, then renamed.

`stage` needs the disk and can fail; `publish` only renames. So a deployment that can't store its
recipes fails before it changes anything. Decides nothing; blocking: call it in a thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from greendock.base.durable import sync_folder, write_synced
from greendock.base.paths import Paths
from greendock.recipe.model import Recipe

_STORED = re.compile(r"(?P<component>[A-Za-z0-9_-]+)@(?P<version>.+)\.recipe\.yaml")
_STAGED = re.compile(r"\.(?P<final>.+\.recipe\.yaml)\.new")


class RecipeStore:
    """The files under `paths`; one deployment at a time uses it."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._folder = paths.recipes

    def versions(self) -> dict[str, list[str]]:
        """Versions by the first part of the file name (`key_of` a component), in one look."""
        found: dict[str, list[str]] = {}
        for path in self._folder.iterdir():
            match = _STORED.fullmatch(path.name)
            if match is not None:
                found.setdefault(match["component"], []).append(match["version"])
        return found

    def key_of(self, component: str) -> str:
        """What `versions` calls a component."""
        return self._paths.recipe_file(component, "0").name.partition("@")[0]

    def stage(self, recipes: Iterable[Recipe]) -> None:
        """Write recipes beside the stored ones, the text exactly as it was read. Raises OSError.

        What is stored already in the same words is left alone.
        """
        self.discard()
        for recipe in recipes:
            path = self._paths.recipe_file(recipe.name, recipe.version)
            data = recipe.text.encode()
            if not path.exists() or path.read_bytes() != data:
                write_synced(path.with_name(f".{path.name}.new"), data)

    def publish(self) -> None:
        """Give what was staged its final names. May be repeated. Raises OSError."""
        staged = self._staged()
        for path, final in staged:
            path.replace(self._folder / final)
        if staged:
            sync_folder(self._folder)

    def discard(self) -> None:
        """Remove what was staged. May be repeated. Raises OSError."""
        for path, _ in self._staged():
            path.unlink(missing_ok=True)

    def _staged(self) -> list[tuple[Path, str]]:
        matches = ((path, _STAGED.fullmatch(path.name)) for path in self._folder.iterdir())
        return [(path, match["final"]) for path, match in matches if match is not None]
