"""The fault that ends the reading of a document. Raised by the readers, caught by `document`."""

from __future__ import annotations

from greendock.recipe.nodes import Place

MAX_DEPTH = 100


class MalformedError(Exception):
    """The text can't be read any further. Becomes one finding; never leaves this package."""

    def __init__(self, place: Place, rule: str, message: str, fix: str) -> None:
        super().__init__(message)
        self.place = place
        self.rule = rule
        self.message = message
        self.fix = fix


def too_deep(place: Place) -> MalformedError:
    """Maps and lists are nested deeper than MAX_DEPTH."""
    message = f"maps and lists are nested deeper than {MAX_DEPTH} levels"
    return MalformedError(place, "too-deep", message, "flatten the document")
