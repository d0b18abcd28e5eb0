"""The tree of a document: maps, lists and scalars, each with the place where it is written.

Scalars keep their written text beside the question whether it was quoted, so that a typed string
key gets what was written (`1.10`) where a free-form map gets a JSON-like value. Made by the two
readers, read by the checks. Refuses to know anything about recipes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from greendock.recipe.scalars import is_null, value_of


class Place(NamedTuple):
    """Line and column, both counted from 1, in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """`is_plain`: unquoted in YAML, or a literal of JSON; only those can be null or a number."""

    text: str
    is_plain: bool
    place: Place

    @property
    def is_null(self) -> bool:
        return self.is_plain and is_null(self.text)

    @property
    def value(self) -> Any:
        return value_of(self.text) if self.is_plain else self.text


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value` of a map."""

    key: Scalar
    value: Node


@dataclass(frozen=True, slots=True)
class MapNode:
    entries: dict[str, Entry]
    place: Place


@dataclass(frozen=True, slots=True)
class ListNode:
    items: tuple[Node, ...]
    place: Place


Node: TypeAlias = Scalar | MapNode | ListNode
Path: TypeAlias = Sequence[str | int]


def plain_value(node: Node) -> Any:
    """The tree as dicts, lists, strings, numbers, booleans and None."""
    if isinstance(node, MapNode):
        return {key: plain_value(entry.value) for key, entry in node.entries.items()}
    if isinstance(node, ListNode):
        return [plain_value(item) for item in node.items]
    return node.value


def kind_of(node: Node) -> str:
    """How a message names the node: `a map`, `a list`, `text`, `null`, `a number`, `true`."""
    if isinstance(node, MapNode):
        return "a map"
    if isinstance(node, ListNode):
        return "a list"
    value = node.value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return "text" if isinstance(value, str) else "a number"


def step_into(node: Node, part: str | int) -> Entry | Node | None:
    """The child of `node` under a map key or a list index."""
    if isinstance(node, MapNode):
        return node.entries.get(str(part))
    if isinstance(node, ListNode) and str(part).isascii() and str(part).isdecimal():
        index = int(part)
        return node.items[index] if index < len(node.items) else None
    return None


def find_entry(root: Node, path: Path) -> Entry | Node | None:
    """The entry (under a map key) or node (root, list element) at `path`; None when absent."""
    found: Entry | Node | None = root
    for part in path:
        if found is None:
            return None
        found = step_into(found.value if isinstance(found, Entry) else found, part)
    return found
