"""Finds the known word that a misspelt one was probably meant to be. Pure; used by the checks."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST_WORD = 64


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The most similar known word without regard to case, or None when none is near."""
    from difflib import get_close_matches

    if len(word) > _LONGEST_WORD:
        return None
    by_fold = {candidate.lower(): candidate for candidate in known}
    found = get_close_matches(word.lower(), by_fold, n=1, cutoff=0.7)
    return by_fold[found[0]] if found else None
