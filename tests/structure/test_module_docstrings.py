"""Every module says first what it is for."""

from __future__ import annotations

import ast
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
MODULES = sorted(
    path for folder in ("src", "tests", "scripts") for path in (REPOSITORY / folder).rglob("*.py")
)


def opens_well(path: Path) -> bool:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return docstring is not None and docstring.strip().endswith((".", ":", "`"))


def test_every_module_opens_with_a_docstring():
    assert [str(path.relative_to(REPOSITORY)) for path in MODULES if not opens_well(path)] == []
