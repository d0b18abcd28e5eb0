"""What a check of a recipe says: findings with a place, and the error that carries them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from greendock.base.errors import GreendockError


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong at one place. `line` and `column` count from 1; `fix` says what to write."""

    severity: Severity
    rule: str
    line: int
    column: int
    message: str
    fix: str


class RecipeError(GreendockError):
    """A recipe file is faulty. `findings` holds every fault of the file, not the first only."""

    default_codes = ("COMPONENT_PACKAGE_LOADING_ERROR", "RECIPE_PARSE_ERROR")

    def __init__(
        self,
        path: Path | str,
        findings: Sequence[Finding],
        *,
        codes: tuple[str, ...] | None = None,
    ) -> None:
        errors = [f for f in findings if f.severity is Severity.ERROR]
        lines = [f"{path}:{f.line}:{f.column}: {f.message}; {f.fix}" for f in errors]
        super().__init__(f"cannot use recipe {path}:\n" + "\n".join(lines), codes=codes)
        self.path = path
        self.findings = tuple(findings)
