"""Turns an offset in a text into a line and column. Used by the document readers."""

from __future__ import annotations

import re
from bisect import bisect_right

from greendock.recipe.nodes import Place

_BREAK = re.compile(r"\r\n?|\n")


class Lines:
    """The line starts of one text; lines end as editors see them (LF, CRLF, CR)."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in _BREAK.finditer(text))]

    def place(self, offset: int) -> Place:
        """Place of the character at `offset`; the end of the text is clamped to its last line."""
        within = min(max(offset, 0), len(self._text))
        line = bisect_right(self._starts, within) - 1
        return Place(line + 1, within - self._starts[line] + 1)

    def line_start(self, offset: int) -> int:
        """Offset of the first character of the line that holds `offset`."""
        return self._starts[bisect_right(self._starts, min(offset, len(self._text))) - 1]
