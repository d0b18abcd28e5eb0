"""Turns the paths given to `greendock deploy` into checked recipes and their artifact folders.

Reads and checks the recipes, then has the pure modules choose the roots and judge the artifact
folders. Prints warnings on stderr; refuses before the core is asked for anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from greendock.cli.artifact_fit import Misplaced, Need, judge, texts_in
from greendock.cli.errors import CliError
from greendock.cli.image_findings import image_findings
from greendock.cli.output import warn
from greendock.cli.recipe_search import artifact_folders, search
from greendock.cli.root_choice import Candidate, choose_roots
from greendock.recipe.findings import Finding, Severity
from greendock.recipe.model import Recipe
from greendock.recipe.parse import CheckedRecipe, inspect_file


class Sources(NamedTuple):
    """What one deployment is made of; paths are absolute."""

    roots: dict[str, str]
    recipe_paths: list[str]
    artifact_folders: list[str]


def gather(
    paths: Sequence[str], artifact_dirs: Sequence[str], merge: Mapping[str, str]
) -> Sources:
    """CliError or ArgumentsError when something is wrong with what was found."""
    reader = _Reader()
    found = search(paths, artifact_dirs, lambda path: reader.read(path).is_recipe)
    recipes = _checked(found.recipes, reader)
    roots = choose_roots(
        (Candidate(each.name, each.version, str(path)) for path, each in recipes.items()), merge
    )
    known = {(each.name, each.version) for each in recipes.values()}
    known |= {(each.name, each.version) for each in _readable(found.neighbours, reader)}
    known |= set(merge.items())
    deployed = [recipes[Path(root.path)] for root in roots]
    _judge_artifacts(deployed, found.artifacts, known)
    return Sources(
        {root.name: root.version for root in roots},
        [root.path for root in roots],
        [str(folder) for folder in found.artifacts],
    )


class _Reader:
    """Reads each recipe once."""

    def __init__(self) -> None:
        self._checked: dict[Path, CheckedRecipe] = {}

    def read(self, path: Path) -> CheckedRecipe:
        if path not in self._checked:
            self._checked[path] = inspect_file(path)
        return self._checked[path]


def _checked(paths: Iterable[Path], reader: _Reader) -> dict[Path, Recipe]:
    """Every recipe; warnings are printed, all errors of all files make one refusal."""
    recipes: dict[Path, Recipe] = {}
    errors: list[str] = []
    for path in paths:
        checked = reader.read(path)
        findings = [*checked.findings, *image_findings(checked.artifacts)]
        for finding in sorted(findings, key=lambda each: (each.line, each.column)):
            if finding.severity is Severity.ERROR:
                errors.append(_finding_text(path, finding))
            else:
                warn(_finding_text(path, finding))
        if checked.recipe is not None:
            recipes[path] = checked.recipe
    if errors:
        noun = "error" if len(errors) == 1 else "errors"
        raise CliError(
            "\n".join([f"cannot deploy: {len(errors)} {noun} in the recipes", *errors]),
            codes=("RECIPE_PARSE_ERROR",),
            hint="`greendock lint` checks again without deploying",
        )
    return recipes


def _readable(paths: Iterable[Path], reader: _Reader) -> list[Recipe]:
    """Recipes that aren't deployed: only their names count, and their faults don't."""
    return [recipe for path in paths if (recipe := reader.read(path).recipe) is not None]


def _finding_text(path: Path, finding: Finding) -> str:
    """As `greendock lint` words it."""
    place = f"{path}:{finding.line}:{finding.column}"
    what = f"{finding.severity.value} [{finding.rule}] {finding.message}"
    return f"{place}: {what}\n    fix: {finding.fix}"


def _judge_artifacts(
    deployed: Sequence[Recipe], roots: Sequence[Path], known: set[tuple[str, str]]
) -> None:
    fit = judge([_need(recipe) for recipe in deployed], artifact_folders(roots), known)
    for folder in fit.unused:
        warn(f"warning: no recipe that is deployed uses the artifact folder {folder.path}")
    if fit.misplaced:
        raise _refusal(fit.misplaced)


def _refusal(misplaced: Sequence[Misplaced]) -> CliError:
    return CliError(
        "\n".join(each.message for each in misplaced),
        hint="an artifact folder has the component's exact name and version; mend it with: "
        + "; ".join(each.command for each in misplaced),
    )


def _need(recipe: Recipe) -> Need:
    sections: list[Any] = [recipe.lifecycle, *(each.lifecycle for each in recipe.manifests)]
    files = {
        artifact.file_name
        for manifest in recipe.manifests
        for artifact in manifest.artifacts
        if artifact.scheme in ("s3", "greengrass")
    }
    texts = tuple(text for section in sections for text in texts_in(section))
    return Need(recipe.name, recipe.version, texts, frozenset(files))
