"""`greendock lint`: checks recipes without a core.

Finds the files, has them checked, prints what was found. Imports the reader when it is used, since
`--help` must not pay for it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greendock.cli.parser import add_json

if TYPE_CHECKING:
    from greendock.recipe.findings import Finding

_SUFFIXES = (".yaml", ".yml", ".json")
_SKIPPED = frozenset({"artifacts", "node_modules", "__pycache__", "venv"})
_EXAMPLES = """\
examples:
  greendock lint recipe.yaml              one file, whatever its name
  greendock lint ./my-component           every recipe below a folder
  greendock lint --json recipes/*.yaml    for other programs

In a folder, files ending in .yaml, .yml and .json that have the key RecipeFormatVersion are
checked; folders named artifacts and hidden ones are not searched.

exit codes: 0 no error (warnings don't count), 1 errors, 2 wrong usage
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    parser = subparsers.add_parser(
        "lint",
        help="check recipes without a core",
        description="Check recipes without a core: every fault with its place and its remedy.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", help="a recipe, or a folder of recipes"
    )
    add_json(parser)
    parser.set_defaults(handler=lint)


def lint(args: argparse.Namespace) -> int:
    """Check all files and print the findings. Returns 1 when there is an error, else 0."""
    from greendock.recipe.findings import Severity

    checked = [(path, findings) for path, findings in _checked(args.paths)]
    findings = [finding for _, found in checked for finding in found]
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    if args.json:
        _print_json(checked)
    else:
        _print_text(checked, errors, len(findings) - errors)
    return 1 if errors else 0


def _checked(paths: Sequence[str]) -> Iterator[tuple[Path, list[Finding]]]:
    """Each file once with its findings. ArgumentsError for a path or folder without a recipe."""
    from greendock.cli.errors import ArgumentsError

    given = [Path(text) for text in paths]
    for path in given:
        if not path.exists():
            raise ArgumentsError(f"cannot check {path}: no such file or folder")
    seen: set[Path] = set()
    for path in given:
        is_folder = path.is_dir()
        count = 0
        for file in _files(path) if is_folder else (path,):
            findings = _findings(file, only_recipes=is_folder)
            if findings is None:
                continue
            count += 1
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file, findings
        if not count:
            raise ArgumentsError(
                f"cannot check {path}: there is no recipe in it",
                hint="a recipe is a .yaml, .yml or .json file with the key RecipeFormatVersion",
            )


def _files(folder: Path) -> Iterator[Path]:
    """The files below `folder` that could be recipes by their names, in a stable order."""
    from greendock.cli.errors import ArgumentsError

    def refuse(error: OSError) -> None:
        raise ArgumentsError(f"cannot search {error.filename}: {error.strerror}") from error

    for here, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(f for f in folders if f not in _SKIPPED and not f.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(_SUFFIXES) and (Path(here) / name).is_file():
                yield Path(here) / name


def _findings(path: Path, *, only_recipes: bool) -> list[Finding] | None:
    """What is wrong with one file; None when it is no recipe and only recipes count."""
    from greendock.base.errors import DeviceError
    from greendock.cli.image_findings import image_findings
    from greendock.recipe.findings import Finding, Severity
    from greendock.recipe.parse import inspect_file

    try:
        checked = inspect_file(path)
    except DeviceError as error:
        fix = error.hint or "make the file readable"
        return [Finding(Severity.ERROR, "unreadable-file", 1, 1, error.message, fix)]
    if only_recipes and not checked.is_recipe:
        return None
    found = [*checked.findings, *image_findings(checked.artifacts)]
    return sorted(found, key=lambda finding: (finding.line, finding.column))


def _print_json(checked: Sequence[tuple[Path, list[Finding]]]) -> None:
    from greendock.cli.output import say_json

    files = [
        {
            "path": _shown(str(path)),
            "findings": [
                {
                    "severity": finding.severity.value,
                    "rule": finding.rule,
                    "line": finding.line,
                    "column": finding.column,
                    "message": finding.message,
                    "fix": finding.fix,
                }
                for finding in findings
            ],
        }
        for path, findings in checked
    ]
    say_json({"files": files})


def _print_text(checked: Sequence[tuple[Path, list[Finding]]], errors: int, warnings: int) -> None:
    from greendock.cli.output import say

    for path, findings in checked:
        for finding in findings:
            place = f"{path}:{finding.line}:{finding.column}"
            say(_shown(f"{place}: {finding.severity} [{finding.rule}] {finding.message}"))
            say(_shown(f"    fix: {finding.fix}"))
    files = _counted(len(checked), "file")
    say(f"checked {files}: {_counted(errors, 'error')}, {_counted(warnings, 'warning')}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _shown(text: str) -> str:
    """`text` with what could steer a terminal escaped: file names and recipes are hostile."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
