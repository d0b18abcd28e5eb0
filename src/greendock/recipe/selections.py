"""The lifecycle that a manifest ends up with: its own, or its share of the global one.

Pure. Called when a deployment prepares a component, and by the checks with a tree whose leaves
tell where they come from; so leaves are only tested for None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from greendock.recipe.model import Manifest, Recipe

ALL = "all"


def effective_lifecycle(recipe: Recipe, manifest: Manifest) -> Mapping[str, Any]:
    """The lifecycle of `recipe` on a device that chose `manifest`; empty when it has no steps.

    A manifest's own lifecycle counts as it is: only the global one has selection keys.
    """
    if manifest.lifecycle:
        return manifest.lifecycle
    return select(recipe.lifecycle, keywords_of(recipe.manifests), manifest.selections)


def keywords_of(manifests: Sequence[Manifest]) -> frozenset[str]:
    """Every word that selects in the global lifecycle of these manifests. Case counts."""
    return frozenset((ALL, *(word for m in manifests for word in m.selections)))


def select(
    lifecycle: Mapping[str, Any], keywords: frozenset[str], selections: Sequence[str]
) -> dict[str, Any]:
    """`lifecycle` with every level that has keywords replaced by the selected value.

    The first of `selections` that is present and not None wins, then `all`; a level where none is
    present is left out. Other keys beside keywords are ignored.
    """
    chosen = _filtered(lifecycle, keywords, (*selections, ALL))
    return chosen if isinstance(chosen, dict) else {}


def _filtered(value: Any, keywords: frozenset[str], preferred: Sequence[str]) -> Any:
    if not isinstance(value, Mapping):
        return value
    if not keywords.isdisjoint(value):
        for word in preferred:
            if value.get(word) is not None:
                return _filtered(value[word], keywords, preferred)
        return None
    kept = ((key, _filtered(item, keywords, preferred)) for key, item in value.items())
    return {key: item for key, item in kept if item is not None}
