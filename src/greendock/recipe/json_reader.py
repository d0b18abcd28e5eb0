"""JSON text → node tree with places. Called by `document`.

The standard library's parser judges the syntax; the tree is then built from the tokens of the
text that passed, so that every place is exact and numbers keep their written text. Refuses
numbers that JSON doesn't have (NaN, Infinity) and nesting that is too deep.
"""

from __future__ import annotations

import json
import re

from greendock.recipe.lines import Lines
from greendock.recipe.malformed import MAX_DEPTH, MalformedError, too_deep
from greendock.recipe.nodes import Entry, ListNode, MapNode, Node, Place, Scalar
from greendock.recipe.report import Report

_DECODER = json.JSONDecoder()
_TOKEN = re.compile(r'"|[{}\[\]]|[-+.\w]+', re.ASCII)


def read_json(text: str, lines: Lines, report: Report) -> Node:
    """The tree of `text`. Raises MalformedError when it is not JSON."""
    _check_syntax(text, lines)
    return _Builder(text, lines, report).build()


def _check_syntax(text: str, lines: Lines) -> None:
    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise MalformedError(
            lines.place(error.pos),
            "invalid-json",
            f"not valid JSON: {error.msg}",
            "check commas, quotes and brackets here and in the line above",
        ) from error
    except RecursionError as error:
        raise too_deep(Place(1, 1)) from error
    except _ConstantError as error:
        found = re.search(re.escape(str(error)), text)
        raise MalformedError(
            lines.place(found.start() if found else 0),
            "invalid-json",
            f"JSON has no {error}",
            "write a number, or text in quotes",
        ) from error


class _ConstantError(Exception):
    """NaN, Infinity or -Infinity, which Python reads and JSON doesn't have."""


def _refuse_constant(name: str) -> None:
    raise _ConstantError(name)


class _Builder:
    """Walks the tokens of a text that is known to be JSON; commas and colons carry no news."""

    def __init__(self, text: str, lines: Lines, report: Report) -> None:
        self._text = text
        self._lines = lines
        self._report = report
        self._open: list[tuple[str, Place, list[Node]]] = []

    def build(self) -> Node:
        at = 0
        while True:
            match = _TOKEN.search(self._text, at)
            if match is None:  # text that passed the syntax check holds a whole value
                raise AssertionError("JSON text ended inside a value")
            sign = match.group()
            place = self._lines.place(match.start())
            at = match.end()
            if sign in "{[":
                self._begin(sign, place)
                continue
            if sign == '"':
                text, at = _DECODER.raw_decode(self._text, match.start())
                node: Node = Scalar(text, False, place)
            elif sign in "}]":
                node = self._end()
            else:
                node = Scalar(sign, True, place)
            if not self._open:
                return node
            self._open[-1][2].append(node)

    def _begin(self, opening: str, place: Place) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise too_deep(place)
        self._open.append((opening, place, []))

    def _end(self) -> Node:
        opening, place, children = self._open.pop()
        if opening == "[":
            return ListNode(tuple(children), place)
        entries: dict[str, Entry] = {}
        for key, value in zip(children[::2], children[1::2], strict=True):
            if isinstance(key, Scalar):
                self._report.duplicate_key(entries.get(key.text), key)
                entries[key.text] = Entry(key, value)
        return MapNode(entries, place)
