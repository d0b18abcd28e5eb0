"""Whether an image can run on the engine's machine.

Pure. Called after an image was found or fetched, before anything relies on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

# Processors that run another one's programs by themselves.
_RUNS_ALSO = {"amd64": frozenset({"386"}), "arm64": frozenset({"arm"})}


class Match(Enum):
    FITS = "fits"
    EMULATED = "emulated"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Platform:
    """`os` and `architecture` as images name them; empty where nobody told."""

    os: str
    architecture: str

    def __str__(self) -> str:
        return f"{self.os or '?'}/{self.architecture or '?'}"


def match_platform(image: Platform, engine: Platform, emulated: frozenset[str] | None) -> Match:
    """`emulated`: architectures that the engine's kernel can emulate; None if nobody knows.

    What isn't told is taken to fit: old engines leave it out.
    """
    if image.os and engine.os and image.os != engine.os:
        return Match.WRONG
    if not image.architecture or not engine.architecture:
        return Match.FITS
    if image.architecture == engine.architecture:
        return Match.FITS
    if image.architecture in _RUNS_ALSO.get(engine.architecture, ()):
        return Match.FITS
    if emulated is None or image.architecture in emulated:
        return Match.EMULATED
    return Match.WRONG
