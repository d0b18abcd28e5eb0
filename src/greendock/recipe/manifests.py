"""Checks the Manifests of a recipe: platform, selections, artifacts, lifecycle shape.

Called by `parse`. Which manifest fits a device is decided in `platform`.
"""

from __future__ import annotations

from dataclasses import dataclass

from greendock.recipe.artifacts import LocatedArtifact, read_artifacts
from greendock.recipe.fields import Fields
from greendock.recipe.lifecycles import check_own, lifecycle_values
from greendock.recipe.model import Manifest
from greendock.recipe.nodes import ListNode, MapNode, Node, Place, Scalar, kind_of
from greendock.recipe.platform import matches_everything, template_fault
from greendock.recipe.report import Report

_MOST_MANIFESTS = 100
_NAMES = ("Name", "Platform", "Lifecycle", "Selections", "Artifacts")


@dataclass(frozen=True, slots=True)
class LocatedManifest:
    """A manifest, where it is written, and its artifacts with their places."""

    manifest: Manifest
    place: Place
    artifacts: tuple[LocatedArtifact, ...]


def read_manifests(fields: Fields, report: Report, *, is_json: bool) -> list[LocatedManifest]:
    """The manifests in the order of the recipe; elements that are no maps are left out."""
    node = fields.list("Manifests")
    if node is None or not node.items:
        if node is not None or fields.node("Manifests") is None:
            report.error(
                fields.key_place("Manifests"),
                "no-manifests",
                "a recipe needs at least one manifest",
                "add Manifests with an entry for each platform: - Platform: {os: linux}",
            )
        return []
    if len(node.items) > _MOST_MANIFESTS:
        message = f"a recipe cannot have more than {_MOST_MANIFESTS} manifests"
        report.error(node.place, "too-large", message, "split the component")
        return []
    found = [_read_manifest(item, report, is_json=is_json) for item in node.items]
    manifests = [manifest for manifest in found if manifest is not None]
    _check_reachable(manifests, report)
    return manifests


def _read_manifest(node: Node, report: Report, *, is_json: bool) -> LocatedManifest | None:
    if not isinstance(node, MapNode):
        message = f"a manifest must be a map, not {kind_of(node)}"
        report.error(node.place, "wrong-type", message, "remove it, or write - Platform: …")
        return None
    fields = Fields(node, _NAMES, "a manifest", report)
    name = fields.text("Name")
    lifecycle = fields.map("Lifecycle")
    values = lifecycle_values(lifecycle, is_json=is_json)
    if lifecycle is not None:
        check_own(lifecycle, values, report)
    artifacts = read_artifacts(fields.list("Artifacts"), report)
    manifest = Manifest(
        name.text if name else None,
        _read_platform(fields.map("Platform"), report),
        values,
        _read_selections(fields, report),
        tuple(located.artifact for located in artifacts),
    )
    return LocatedManifest(manifest, node.place, artifacts)


def _read_platform(node: MapNode | None, report: Report) -> dict[str, str | None]:
    platform: dict[str, str | None] = {}
    for key, entry in node.entries.items() if node else ():
        value = entry.value
        if not isinstance(value, Scalar):
            message = f"the Platform entry {key} must be text, not {kind_of(value)}"
            fix = "write one name, or a pattern such as /linux|darwin/"
            report.error(value.place, "wrong-type", message, fix)
            continue
        platform[key] = None if value.is_null else value.text
        fault = None if value.is_null else template_fault(key, value.text)
        if fault:
            report.warning(value.place, "platform", f"{fault[0]}", fault[1])
        _check_platform_key(entry.key, report)
    return platform


def _check_platform_key(key: Scalar, report: Report) -> None:
    folded = key.text.lower()
    if folded != key.text and folded in ("os", "architecture", "architecture.detail", "runtime"):
        report.warning(
            key.place,
            "platform",
            f"no device has the label {key.text!r}; the case of platform keys counts",
            f"write {folded}",
        )


def _read_selections(fields: Fields, report: Report) -> tuple[str, ...]:
    node = fields.node("Selections")
    if node is None:
        return ("all",)
    if isinstance(node, Scalar):
        return (node.text,)
    if isinstance(node, MapNode):
        message = f"Selections must be a list of text, not {kind_of(node)}"
        report.error(node.place, "wrong-type", message, "write - NAME for each selection")
        return ("all",)
    return _selection_words(node, report) or ("all",)


def _selection_words(node: ListNode, report: Report) -> tuple[str, ...]:
    words = []
    for item in node.items:
        if isinstance(item, Scalar) and not item.is_null and item.text.strip():
            words.append(item.text)
        else:
            message = f"a selection must be text, not {kind_of(item)}"
            report.error(item.place, "wrong-type", message, "write the name of the selection")
    return tuple(words)


def _check_reachable(manifests: list[LocatedManifest], report: Report) -> None:
    """Only the first manifest that fits counts, so what follows one that always fits is dead."""
    earlier: dict[tuple[tuple[str, str | None], ...], Place] = {}
    catch_all: Place | None = None
    for located in manifests:
        platform = tuple(sorted(located.manifest.platform.items()))
        shadow = catch_all or earlier.get(platform)
        if shadow is not None:
            report.warning(
                located.place,
                "unreachable-manifest",
                f"this manifest is never chosen: the one of line {shadow.line} fits every "
                "device that this one fits",
                "move this manifest before it, or remove one of them",
            )
        earlier.setdefault(platform, located.place)
        if catch_all is None and matches_everything(located.manifest.platform):
            catch_all = located.place
