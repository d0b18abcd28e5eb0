"""The door of this package: bytes or a file in, a `Recipe` and every fault of it out.

Puts the checks of the parts together. `check_*` report, `read_recipe` and `parse_text` refuse
faulty recipes with a RecipeError. Called by deployments (recipe folders), the recipe store and
`greendock lint`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greendock.base.errors import DeviceError
from greendock.recipe.artifacts import LocatedArtifact
from greendock.recipe.dependencies import read_dependencies
from greendock.recipe.document import MAX_BYTES, Document, read_document
from greendock.recipe.fields import Fields
from greendock.recipe.findings import Finding, RecipeError, Severity
from greendock.recipe.header import read_header
from greendock.recipe.lifecycles import check_global, lifecycle_values
from greendock.recipe.manifests import LocatedManifest, read_manifests
from greendock.recipe.model import Recipe
from greendock.recipe.nodes import MapNode, kind_of, plain_value
from greendock.recipe.report import Report

SUFFIXES = (".yaml", ".yml", ".json")
_NAMES = (
    "RecipeFormatVersion",
    "ComponentName",
    "ComponentVersion",
    "ComponentType",
    "ComponentDescription",
    "ComponentPublisher",
    "ComponentSource",
    "ComponentConfiguration",
    "ComponentDependencies",
    "Manifests",
    "Lifecycle",
)
_FORMAT_KEY = re.compile(rb"""(?im)(?:^|[{,])[ \t]*["']?RecipeFormatVersion["']?[ \t]*:""")
_CODES = {
    "no-manifests": ("RECIPE_MISSING_MANIFEST",),
    "artifact-scheme": ("ARTIFACT_URI_NOT_VALID", "EMPTY_ARTIFACT_SCHEME"),
    "artifact-scheme-unsupported": ("UNSUPPORTED_ARTIFACT_SCHEME",),
    "artifact-s3": ("ARTIFACT_URI_NOT_VALID", "S3_ARTIFACT_URI_NOT_VALID"),
    "artifact-file-name": ("ARTIFACT_URI_NOT_VALID",),
    "digest-without-algorithm": ("RECIPE_MISSING_ARTIFACT_HASH_ALGORITHM",),
    "digest-algorithm": ("HASHING_ALGORITHM_UNAVAILABLE",),
    "self-dependency": ("COMPONENT_CIRCULAR_DEPENDENCY_ERROR",),
}


@dataclass(frozen=True, slots=True)
class CheckedRecipe:
    """What a check found.

    `recipe` is None when there is an error. `artifacts` are those whose URI passed, also of a
    faulty recipe. `is_recipe` tells whether the file has the key RecipeFormatVersion, in a file
    that can't be read as a document whether it seems to.
    """

    recipe: Recipe | None
    findings: list[Finding]
    artifacts: tuple[LocatedArtifact, ...] = ()
    is_recipe: bool = False


def is_json_path(path: Path) -> bool:
    """True when the name says JSON; everything else is read as YAML, of which JSON is a part."""
    return path.suffix.lower() == ".json"


def inspect_text(data: bytes, path: Path, *, is_json: bool) -> CheckedRecipe:
    """Check the content of a recipe file; `path` only becomes `Recipe.source`."""
    report = Report()
    document = read_document(data, report, is_json=is_json)
    if document is None:
        looks_like_one = _FORMAT_KEY.search(data) is not None
        return CheckedRecipe(None, report.sorted(), is_recipe=looks_like_one)
    root = document.root
    if not isinstance(root, MapNode):
        message = f"a recipe must be a map, not {kind_of(root)}"
        report.error(root.place, "wrong-type", message, "begin with RecipeFormatVersion")
        return CheckedRecipe(None, report.sorted())
    fields = Fields(root, _NAMES, "a recipe", report)
    manifests = read_manifests(fields, report, is_json=is_json)
    recipe = _read_recipe(document, fields, manifests, report, (path, is_json))
    return CheckedRecipe(
        None if report.has_errors else recipe,
        report.sorted(),
        tuple(artifact for manifest in manifests for artifact in manifest.artifacts),
        any(key.lower() == "recipeformatversion" for key in root.entries),
    )


def _read_recipe(
    document: Document,
    fields: Fields,
    manifests: list[LocatedManifest],
    report: Report,
    source: tuple[Path, bool],
) -> Recipe:
    path, is_json = source
    header = read_header(fields, report)
    dependencies = fields.map("ComponentDependencies")
    lifecycle = fields.map("Lifecycle")
    values = lifecycle_values(lifecycle, is_json=is_json)
    chosen = tuple(located.manifest for located in manifests)
    if lifecycle is not None:
        check_global(lifecycle, values, chosen, report)
    return Recipe(
        header.name,
        header.version,
        chosen,
        read_dependencies(dependencies, header.name, report),
        _read_configuration(fields.map("ComponentConfiguration"), report),
        values,
        header.type,
        header.description,
        header.publisher,
        path,
        document.text,
        is_json,
    )


def _read_configuration(node: MapNode | None, report: Report) -> dict[str, Any]:
    if node is None:
        return {}
    fields = Fields(node, ("DefaultConfiguration",), "ComponentConfiguration", report)
    default = fields.map("DefaultConfiguration")
    return {} if default is None else {k: plain_value(e.value) for k, e in default.entries.items()}


def check_text(data: bytes, path: Path, *, is_json: bool) -> tuple[Recipe | None, list[Finding]]:
    """(the recipe, or None when there is an error; all findings in the order of their places)."""
    checked = inspect_text(data, path, is_json=is_json)
    return checked.recipe, checked.findings


def inspect_file(path: Path) -> CheckedRecipe:
    """Check one file; its extension picks the reader. Raises DeviceError when it can't be read."""
    return inspect_text(_read_bytes(path), path, is_json=is_json_path(path))


def check_file(path: Path) -> tuple[Recipe | None, list[Finding]]:
    """`check_text` of a file. Raises DeviceError when it can't be read."""
    checked = inspect_file(path)
    return checked.recipe, checked.findings


def read_recipe(path: Path) -> Recipe:
    """The recipe in a file. Raises RecipeError with every fault, DeviceError when unreadable."""
    return _accepted(inspect_file(path), path)


def parse_text(text: str | bytes, path: Path, *, is_json: bool) -> Recipe:
    """The recipe in a text. Raises RecipeError with every fault."""
    data = text.encode() if isinstance(text, str) else text
    return _accepted(inspect_text(data, path, is_json=is_json), path)


def _accepted(checked: CheckedRecipe, path: Path) -> Recipe:
    if checked.recipe is None:
        raise RecipeError(path, checked.findings, codes=_codes_of(checked.findings))
    return checked.recipe


def _codes_of(findings: Sequence[Finding]) -> tuple[str, ...]:
    """The codes that Greengrass gives to these faults, outermost first."""
    codes = ["COMPONENT_PACKAGE_LOADING_ERROR"]
    for finding in findings:
        if finding.severity is Severity.ERROR:
            codes += _CODES.get(finding.rule, ("RECIPE_PARSE_ERROR",))
    return tuple(dict.fromkeys(codes))


def _read_bytes(path: Path) -> bytes:
    """The file's bytes, one more than allowed at most, so that a large file is never held."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DeviceError(
            f"cannot read recipe {path}: {error.strerror or error}",
            codes=("COMPONENT_PACKAGE_LOADING_ERROR", "IO_ERROR", "IO_READ_ERROR"),
            hint="check that the file exists and that you may read it",
        ) from error
