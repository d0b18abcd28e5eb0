"""Reads one map of typed keys: case-insensitive names, unknown keys, wrong types.

Every fault goes to the report and reading goes on, so that all faults of a file are found at
once. Used by the checks of each part of a recipe; refuses to know what a key means.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from greendock.recipe.nodes import Entry, ListNode, MapNode, Node, Place, Scalar, kind_of
from greendock.recipe.report import Report
from greendock.recipe.spelling import nearest

Choice = TypeVar("Choice", bound=StrEnum)


class Fields:
    """The keys of `node` by their documented names. `where` names the map in messages."""

    def __init__(self, node: MapNode, names: tuple[str, ...], where: str, report: Report) -> None:
        self._place = node.place
        self._where = where
        self._report = report
        self._found: dict[str, Entry] = {}
        by_fold = {name.lower(): name for name in names}
        for text, entry in node.entries.items():
            name = by_fold.get(text.lower())
            if name is None:
                self._unknown(entry.key, names)
            else:
                report.duplicate_key(self._found.get(name), entry.key)
                self._found[name] = entry

    def _unknown(self, key: Scalar, names: tuple[str, ...]) -> None:
        near = None if self._report.is_full else nearest(key.text, names)
        self._report.warning(
            key.place,
            "unknown-key",
            f"{self._where} has no key {key.text!r}; it is ignored",
            f"write {near}" if near else "remove it",
        )

    def node(self, name: str) -> Node | None:
        """The value under `name`; None when it is absent or null."""
        entry = self._found.get(name)
        if entry is None or (isinstance(entry.value, Scalar) and entry.value.is_null):
            return None
        return entry.value

    def key_place(self, name: str) -> Place:
        """Where the key is written; the start of the map when it is absent."""
        entry = self._found.get(name)
        return entry.key.place if entry else self._place

    def text(self, name: str) -> Scalar | None:
        """A typed string key: whatever scalar is written there, as it was written."""
        node = self.node(name)
        if node is None or isinstance(node, Scalar):
            return node
        self._wrong_type(name, "text", node)
        return None

    def required_text(self, name: str, example: str) -> Scalar | None:
        """Like `text`, with an error when there is none."""
        if self.node(name) is None:
            place = self.key_place(name)
            self._report.error(
                place,
                "missing-key",
                f"{self._where} needs {name}",
                f"add {name}: {example}",
            )
            return None
        return self.text(name)

    def map(self, name: str) -> MapNode | None:
        node = self.node(name)
        if node is None or isinstance(node, MapNode):
            return node
        self._wrong_type(name, "a map", node)
        return None

    def list(self, name: str) -> ListNode | None:
        node = self.node(name)
        if node is None or isinstance(node, ListNode):
            return node
        self._wrong_type(name, "a list", node)
        return None

    def choice(self, name: str, default: Choice) -> Choice:
        """One of the enum's values, in any case; `default` when absent or not valid."""
        scalar = self.text(name)
        if scalar is None:
            return default
        kinds = type(default)
        for kind in kinds:
            if kind.value.lower() == scalar.text.lower():
                return kind
        allowed = ", ".join(kind.value for kind in kinds)
        self._report.error(
            scalar.place,
            "invalid-value",
            f"{name} cannot be {scalar.text!r}",
            f"write one of {allowed}",
        )
        return default

    def _wrong_type(self, name: str, wanted: str, node: Node) -> None:
        self._report.error(
            node.place,
            "wrong-type",
            f"{name} must be {wanted}, not {kind_of(node)}",
            f"write {wanted}",
        )
