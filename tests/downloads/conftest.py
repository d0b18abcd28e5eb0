"""A device whose files come from a store that fails as told."""

from __future__ import annotations

from pathlib import Path

import pytest
from download_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "root")
