"""Free text of components, made fit for logs, records and terminals; pure."""

from __future__ import annotations

LONGEST = 1000


def own_words(text: str | None) -> str | None:
    """`text` on one line, without control characters, cut; None when nothing is left."""
    if text is None:
        return None
    visible = "".join(c if c.isprintable() else " " for c in text[: 4 * LONGEST])
    return " ".join(visible.split())[:LONGEST] or None
