"""The scene that tests of credentials play in: see `credential_scene.py`."""

from __future__ import annotations

from pathlib import Path

import pytest
from credential_scene import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)
