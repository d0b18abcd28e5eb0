"""The document's ten recipes are what the checker takes, once their placeholders are filled."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

RECIPES = Path(__file__).parent / "recipes"
NAMES = sorted(path.name for path in RECIPES.iterdir())
UNFINISHED = [name for name in NAMES if "[:tag|@digest]" in (RECIPES / name).read_text()]


def lint(path: Path) -> tuple[int, list[dict[str, object]]]:
    """Exit code and findings of `greendock lint` for one file."""
    argv = [sys.executable, "-m", "greendock", "lint", "--json", str(path)]
    result = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    files = json.loads(result.stdout)["files"]
    assert [file["path"] for file in files] == [str(path)]
    return result.returncode, files[0]["findings"]


def test_all_blocks_are_there():
    assert (len(NAMES), len(UNFINISHED)) == (10, 4)


@pytest.mark.parametrize("name", NAMES)
def test_a_filled_recipe_is_correct(name, filled, tmp_path):
    (tmp_path / name).write_text(filled(name))
    code, findings = lint(tmp_path / name)
    assert code == 0, findings
    assert [x for x in findings if x["severity"] == "error"] == []


@pytest.mark.parametrize("name", UNFINISHED)
def test_a_recipe_with_placeholders_is_refused(name):
    code, findings = lint(RECIPES / name)
    errors = [x for x in findings if x["severity"] == "error"]
    assert code == 1
    assert errors
    for error in errors:
        assert "placeholder" in f"{error['message']} {error['fix']}"
        assert error["line"]
