"""The recipes of the source document "Run a Docker container", as printed, and folders of them.

`recipes/` and `docker-compose.yaml` hold the document's blocks unchanged; only what the document
tells its reader to replace is replaced here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab.lab import Lab

RECIPES = Path(__file__).parent / "recipes"
PLACEHOLDERS = {
    "[:tag|@digest]": ":1.0",
    "account-id.": "123456789012.",
    ".region.": ".us-east-1.",
}


@pytest.fixture
def filled() -> Callable[[str], str]:
    """Gives a recipe with its placeholders replaced, as the document tells its reader to."""

    def fill(name: str) -> str:
        text = (RECIPES / name).read_text(encoding="utf-8")
        for placeholder, value in PLACEHOLDERS.items():
            text = text.replace(placeholder, value)
        return text

    return fill


@pytest.fixture
def component_folder(tmp_path: Path, filled: Callable[[str], str]) -> Callable[..., Path]:
    """Makes a folder with one recipe, and files in `artifacts/COMPONENT/1.0.0/`."""

    def make(recipe: str, component: str, artifacts: dict[str, bytes]) -> Path:
        folder = tmp_path / "component"
        (folder / "recipes").mkdir(parents=True)
        (folder / "recipes" / recipe).write_text(filled(recipe))
        target = folder / "artifacts" / component / "1.0.0"
        target.mkdir(parents=True)
        for file, content in artifacts.items():
            (target / file).write_bytes(content)
        return folder

    return make


@pytest.fixture
def printed_root(lab: Lab) -> Iterator[Callable[[Path], Path]]:
    """Shows a core's root folder at /greengrass/v2 inside the lab, where the document has it."""
    above = Path("/greengrass")
    is_new = not above.exists()
    above.mkdir(exist_ok=True)
    lab.run_inside("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(above))

    def show(root: Path) -> Path:
        place = above / "v2"
        lab.run_inside("mkdir", str(place))
        lab.run_inside("mount", "--bind", str(root), str(place))
        return place

    yield show
    lab.run_inside("umount", "--recursive", "--lazy", str(above))
    # Removing a folder takes what is mounted on it away from every lab.
    if is_new and not _is_mounted_anywhere(above):
        above.rmdir()


def _is_mounted_anywhere(place: Path) -> bool:
    for mounts in Path("/proc").glob("[0-9]*/mounts"):
        with contextlib.suppress(OSError):
            if f" {place} " in mounts.read_text():
                return True
    return False
