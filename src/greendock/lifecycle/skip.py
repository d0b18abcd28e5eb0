"""Whether a step is skipped: `skipif: [!]onpath NAME` and `[!]exists PATH`.

Looks at the disk, runs nothing. The text was read by the recipe package; scripts.py asks before
it starts a step.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from greendock.recipe.model import SkipIf


@dataclass(frozen=True, slots=True)
class Places:
    """What the prefixes of `exists` stand for. `search_path` is a PATH text for `onpath`."""

    search_path: str
    home: Path
    root: Path
    config: Path
    packages: Path
    work: Path

    def prefixes(self) -> Mapping[str, Path]:
        return {
            "~/": self.home,
            "~root/": self.root,
            "~config/": self.config,
            "~packages/": self.packages,
        }


def is_skipped(skip_if: SkipIf | None, places: Places) -> bool:
    """True when the step counts as absent. Raises ValueError for an unknown operator."""
    if skip_if is None:
        return False
    match skip_if.operator:
        case "onpath":
            holds = shutil.which(skip_if.argument, path=places.search_path) is not None
        case "exists":
            holds = _exists(_place(skip_if.argument, places))
        case unknown:
            raise ValueError(f"skipif knows onpath and exists, not {unknown!r}")
    return holds != skip_if.negated


def _place(text: str, places: Places) -> Path:
    for prefix, folder in places.prefixes().items():
        if text.startswith(prefix):
            return folder / text.removeprefix(prefix).lstrip("/")
    return places.work / text


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
