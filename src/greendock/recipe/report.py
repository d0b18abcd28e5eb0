"""Collects the findings of one file. Made by `parse`, filled by the readers and checks."""

from __future__ import annotations

from greendock.recipe.findings import Finding, Severity
from greendock.recipe.nodes import Entry, Place, Scalar

MOST_FINDINGS = 200
_LONGEST_TEXT = 500


class Report:
    """All faults of a file. After `MOST_FINDINGS` it counts, so that a hostile file is cheap."""

    def __init__(self) -> None:
        self._findings: dict[Finding, None] = {}
        self._left_out = 0
        self.has_errors = False

    @property
    def is_full(self) -> bool:
        return len(self._findings) >= MOST_FINDINGS

    def error(self, place: Place, rule: str, message: str, fix: str) -> None:
        self.add(Severity.ERROR, place, rule, message, fix)

    def warning(self, place: Place, rule: str, message: str, fix: str) -> None:
        self.add(Severity.WARNING, place, rule, message, fix)

    def add(self, severity: Severity, place: Place, rule: str, message: str, fix: str) -> None:
        """Note a finding; the very same one twice (reached over an alias) counts once."""
        self.has_errors = self.has_errors or severity is Severity.ERROR
        if self.is_full:
            self._left_out += 1
            return
        found = Finding(severity, rule, place.line, place.column, _cut(message), _cut(fix))
        self._findings[found] = None

    def duplicate_key(self, earlier: Entry | None, key: Scalar) -> None:
        """Warn when `key` is written a second time in its map; the last one counts."""
        if earlier is not None:
            self.warning(
                key.place,
                "duplicate-key",
                f"the key {key.text!r} repeats {earlier.key.text!r} of line "
                f"{earlier.key.place.line}; this one counts",
                "remove one of the two",
            )

    def sorted(self) -> list[Finding]:
        """In the order of the places; a last one tells how many were left out."""
        found = sorted(self._findings, key=lambda f: (f.line, f.column, f.severity, f.rule))
        if self._left_out and found:
            severity = Severity.ERROR if self.has_errors else Severity.WARNING
            last = found[-1]
            message = f"{self._left_out} more findings are not shown"
            fix = "correct the ones above first"
            found.append(
                Finding(severity, "too-many-findings", last.line, last.column, message, fix)
            )
        return found


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
