"""Modules are named after their role, and no file knows the machine it was written on."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "tests", "scripts", "docs", "examples", "bench", ".ci")
ROLELESS = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "tools"}
TEXT = {"", ".py", ".md", ".toml", ".yaml", ".yml", ".json", ".sh", ".cfg", ".txt"}


def files() -> list[Path]:
    found = [path for path in REPOSITORY.iterdir() if path.is_file()]
    for folder in FOLDERS:
        found += [path for path in (REPOSITORY / folder).rglob("*") if path.is_file()]
    return sorted(path for path in found if "__pycache__" not in path.parts)


def test_every_module_has_a_role_in_its_name():
    modules = (REPOSITORY / "src").rglob("*.py")
    assert [str(path) for path in modules if ROLELESS & {path.stem, *path.parts}] == []


def test_no_file_names_a_folder_of_this_machine():
    # The checkout itself, and anybody's home. One part alone ("/app") is too common a word.
    places = [r"/home/(?!ggc_user\b)\w+/", r"/Users/\w+/"]
    if len(REPOSITORY.parts) > 2:
        places.append(re.escape(f"{REPOSITORY}/"))
    pattern = re.compile(rf"(?<![\w.])(?:{'|'.join(places)})")
    found = [
        f"{path.relative_to(REPOSITORY)}: {match[0]}"
        for path in files()
        if path.suffix in TEXT
        for match in pattern.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []
