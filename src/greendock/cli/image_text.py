"""The engine's images as text; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from greendock.cli.progress_state import size_text

_ID_CHARACTERS = 12
_HEADINGS = ("IMAGE", "ID", "SIZE", "WHY")


def image_lines(images: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table, the largest first."""
    if not images:
        return ["The engine has no images."]
    rows = [_HEADINGS]
    for image in sorted(images, key=lambda each: -int(each.get("sizeBytes") or 0)):
        why = str(image.get("why") or "")
        if image.get("unneeded"):
            why = f"unneeded: {why}; `greendock image prune` removes it"
        rows.append((_name(image), _id(image), size_text(int(image.get("sizeBytes") or 0)), why))
    return aligned(rows)


def prune_lines(answer: Mapping[str, Any]) -> list[str]:
    """What went, or would go, and how much that is."""
    removed = answer.get("removed") or []
    verb = "would be removed" if answer.get("dryRun") else "removed"
    lines = [f"{_name(image)} ({_id(image)}): {verb}, {image.get('why')}" for image in removed]
    total = size_text(int(answer.get("freedBytes") or 0))
    noun = "image" if len(removed) == 1 else "images"
    return [*lines, f"{len(removed)} {noun} {verb}, {total}"]


def _name(image: Mapping[str, Any]) -> str:
    names = image.get("names") or []
    if not names:
        return "<no name>"
    return str(names[0]) if len(names) == 1 else f"{names[0]} (+{len(names) - 1})"


def _id(image: Mapping[str, Any]) -> str:
    return str(image.get("imageId") or "").removeprefix("sha256:")[:_ID_CHARACTERS]


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    table = [tuple(row) for row in rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]) - 1)]
    return [
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]
        ).rstrip()
        for row in table
    ]
