"""Checks the lifecycles of a recipe, the manifests' own and the global one, with places.

Judges by `step_rules`; the global lifecycle once for each manifest that uses it, after its
selections. Called by `parse`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from greendock.recipe.model import Manifest
from greendock.recipe.nodes import Entry, ListNode, MapNode, Node, Place, find_entry
from greendock.recipe.report import Report
from greendock.recipe.selections import keywords_of, select
from greendock.recipe.step_rules import StepFault, inspect_steps

_TEXT_KEYS = ("setenv", "script")


@dataclass(frozen=True, slots=True)
class _Origin:
    """Stands for a leaf of the global lifecycle: the keys down to it."""

    path: tuple[str, ...]


def lifecycle_values(node: MapNode | None, *, is_json: bool) -> dict[str, Any]:
    """The plain values of a lifecycle.

    What becomes text anyway (scripts, environment variables) keeps its written text, so that an
    unquoted `1.10` is not 1.1. Numbers in JSON have no written text worth keeping: they may have
    been through the cloud's float-only type.
    """
    return {} if node is None else _level(node, False, is_json)


def _level(node: MapNode, keeps_text: bool, is_json: bool) -> dict[str, Any]:
    return {
        key: _value(entry.value, keeps_text or key.lower() in _TEXT_KEYS, is_json)
        for key, entry in node.entries.items()
    }


def _value(node: Node, keeps_text: bool, is_json: bool) -> Any:
    if isinstance(node, MapNode):
        return _level(node, keeps_text, is_json)
    if isinstance(node, ListNode):
        return [_value(item, keeps_text, is_json) for item in node.items]
    if keeps_text and not is_json and not node.is_null:
        return node.text
    return node.value


def check_own(node: MapNode, values: dict[str, Any], report: Report) -> None:
    """The lifecycle of one manifest, which counts as it is."""
    for fault in inspect_steps(values, variables_pending=True)[1]:
        _note(fault, _place(node, fault.path, fault.at_key) or node.place, report)


def check_global(
    node: MapNode, values: dict[str, Any], manifests: Sequence[Manifest], report: Report
) -> None:
    """The global lifecycle as each manifest without a lifecycle of its own gets it."""
    keywords = keywords_of(manifests)
    _warn_ignored(node, keywords, report)
    origins = _origins(node, ())
    for selections in dict.fromkeys(m.selections for m in manifests if not m.lifecycle):
        if report.is_full:
            return
        chosen = select(values, keywords, selections)
        sources = select(origins, keywords, selections) if isinstance(origins, dict) else {}
        for fault in inspect_steps(chosen, variables_pending=True)[1]:
            source = _source_path(sources, fault.path)
            _note(fault, _place(node, source, fault.at_key) or node.place, report)


def _note(fault: StepFault, place: Place, report: Report) -> None:
    report.add(fault.severity, place, fault.rule, fault.message, fault.fix)


def _place(node: MapNode, path: tuple[str, ...], at_key: bool) -> Place | None:
    found = find_entry(node, path)
    if isinstance(found, Entry):
        return found.key.place if at_key else found.value.place
    return None if found is None else found.place


def _origins(node: Node, path: tuple[str, ...]) -> Any:
    """The map with each leaf replaced by its path; null stays None: the selection asks for it."""
    if isinstance(node, MapNode):
        level = {key: _origins(e.value, (*path, key)) for key, e in node.entries.items()}
        return level or _Origin(path)
    if not isinstance(node, ListNode) and node.is_null:
        return None
    return _Origin(path)


def _source_path(sources: dict[str, Any], path: tuple[str, ...]) -> tuple[str, ...]:
    """Where `path` of the selected lifecycle is written: selecting only took keys out of it."""
    leaf: Any = sources
    for key in path:
        leaf = leaf.get(key) if isinstance(leaf, dict) else None
    while isinstance(leaf, dict):
        leaf = next(iter(leaf.values()), None)
    if not isinstance(leaf, _Origin):
        return path
    wanted = 0
    for index, key in enumerate(leaf.path):
        if wanted < len(path) and key == path[wanted]:
            wanted += 1
            if wanted == len(path):
                return leaf.path[: index + 1]
    return leaf.path


def _warn_ignored(node: Node, keywords: frozenset[str], report: Report) -> None:
    if not isinstance(node, MapNode):
        return
    selecting = next((key for key in node.entries if key in keywords), None)
    for key, entry in node.entries.items():
        if selecting is not None and key not in keywords:
            report.warning(
                entry.key.place,
                "ignored-beside-selection",
                f"{key!r} is ignored, since {selecting!r} beside it makes this a choice "
                "by Selections",
                "put it into each choice, or one level higher",
            )
        else:
            _warn_ignored(entry.value, keywords, report)
