"""The recipes of the source document "Run a Docker container", as printed, and folders of them.

`recipes/` and `docker-compose.yaml` hold the document's blocks unchanged; only what the document
tells its reader to replace is replaced here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

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
