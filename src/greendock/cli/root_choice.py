"""Which of the recipes that were found become roots of the deployment.

Pure: all of them, one version of each name. Where there are several, --merge chooses; guessing the
newest would deploy what nobody asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from greendock.cli.errors import ArgumentsError


class Candidate(NamedTuple):
    name: str
    version: str
    path: str


def choose_roots(candidates: Iterable[Candidate], chosen: Mapping[str, str]) -> list[Candidate]:
    """`chosen` maps names to the versions given with --merge. Raises ArgumentsError."""
    by_name: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        wanted = chosen.get(candidate.name)
        if wanted is None or wanted == candidate.version:
            by_name.setdefault(candidate.name, []).append(candidate)
    for name, found in by_name.items():
        if len(found) > 1:
            raise _ambiguous(name, found)
    return [found[0] for found in by_name.values()]


def _ambiguous(name: str, found: list[Candidate]) -> ArgumentsError:
    places = ", ".join(f"{each.version} in {each.path}" for each in found)
    versions = {each.version for each in found}
    if len(versions) > 1:
        hint = f"choose one with --merge {name}=VERSION, or name its file instead of the folder"
    else:
        hint = "name the file that you mean instead of the folder"
    return ArgumentsError(f"cannot deploy {name}: it is there more than once: {places}", hint=hint)
