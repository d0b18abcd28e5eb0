"""One life of a component, as it is noted for the next life of the core.

Pure data. A generation is noted before anything of it can reach the engine. Made by the record,
read by the decision who is taken over.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a generation's containers were started."""

    OTHER = ""
    """By a script that can't be taken over: a loop, several commands, or not known yet."""
    FOREGROUND = "foreground"
    """The main script is one `docker run` or `compose up` and nothing else, and runs."""
    DETACHED = "detached"
    """The main script has ended with 0; its containers carry on alone."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One entry. `number`: later ones have higher numbers, whatever the clock did.

    `is_used`: a request of it was let through to the engine. `is_ending`: its end has begun.
    `members`: ids of its containers when they had all been up, unchanged, for some seconds.
    """

    number: int
    id: str
    component: str
    version: str
    fingerprint: str
    began_at_s: float
    kind: Kind = Kind.OTHER
    is_used: bool = False
    is_ending: bool = False
    members: frozenset[str] = frozenset()

    @property
    def is_settled(self) -> bool:
        return bool(self.members)
