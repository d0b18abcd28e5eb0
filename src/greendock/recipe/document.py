"""Bytes of a recipe file → node tree with a place for every key and value.

Owns what holds for YAML and JSON alike: size, encoding, characters that no text can hold. Refuses
to judge what the document says. Called by `parse`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from greendock.recipe.json_reader import read_json
from greendock.recipe.lines import Lines
from greendock.recipe.malformed import MalformedError
from greendock.recipe.nodes import Entry, ListNode, MapNode, Node, Path, Place, Scalar, find_entry
from greendock.recipe.report import Report

MAX_BYTES = 1024 * 1024
_FIRST = Place(1, 1)
# What the YAML reader refuses: control characters, and a byte order mark inside the text.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]"
)
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Document:
    """A read file: its text without byte order mark, and its tree."""

    text: str
    root: Node

    def value_place(self, path: Path) -> Place | None:
        """Where the value at `path` is written; None when there is none."""
        found = find_entry(self.root, path)
        node = found.value if isinstance(found, Entry) else found
        return None if node is None else node.place

    def key_place(self, path: Path) -> Place | None:
        """Where the key of `path` is written; for the root and list elements, the value."""
        found = find_entry(self.root, path)
        node = found.key if isinstance(found, Entry) else found
        return None if node is None else node.place

    def positions(self) -> dict[str, tuple[Place, Place]]:
        """JSON pointer → places of key and value, for every value of the document."""
        found: dict[str, tuple[Place, Place]] = {}
        _gather(self.root, self.root.place, "", found)
        return found


def _gather(node: Node, key: Place, pointer: str, found: dict[str, tuple[Place, Place]]) -> None:
    found[pointer] = (key, node.place)
    if isinstance(node, MapNode):
        for name, entry in node.entries.items():
            part = name.replace("~", "~0").replace("/", "~1")
            _gather(entry.value, entry.key.place, f"{pointer}/{part}", found)
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            _gather(item, item.place, f"{pointer}/{index}", found)


def read_document(data: bytes, report: Report, *, is_json: bool) -> Document | None:
    """The document in `data`, or None with the reason in `report`."""
    try:
        text = _decode(data)
        lines = Lines(text)
        root = _read_tree(text, lines, report, is_json=is_json)
    except MalformedError as fault:
        report.error(fault.place, fault.rule, fault.message, fault.fix)
        return None
    _refuse_unusable(root, report)
    return Document(text, root)


def _decode(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise MalformedError(
            _FIRST,
            "too-large",
            f"the file is larger than {MAX_BYTES} bytes",
            "move what is not part of the recipe into artifacts",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = bytes(error.object[: error.start]).decode()
        raise MalformedError(
            Lines(good).place(len(good)),
            "not-utf-8",
            f"the byte 0x{error.object[error.start]:02x} here is not UTF-8 text",
            "save the file as UTF-8",
        ) from error


def _read_tree(text: str, lines: Lines, report: Report, *, is_json: bool) -> Node:
    if is_json and text.strip():
        return read_json(text, lines, report)
    # Loaded here, so that a core and a command with JSON recipes only never load a YAML library.
    from greendock.recipe.yaml_reader import read_yaml

    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        raise MalformedError(
            lines.place(unprintable.start()),
            "control-character",
            f"the character U+{ord(unprintable.group()):04X} cannot stand in YAML text",
            'remove it, or write it as an escape in double quotes, for example "\\x07"',
        )
    root = read_yaml(text, lines, report)
    if root is None or (isinstance(root, Scalar) and root.is_null):
        raise MalformedError(
            _FIRST, "empty-document", "the file holds no recipe", "write a recipe, or remove it"
        )
    return root


def _refuse_unusable(root: Node, report: Report) -> None:
    """Escapes can name characters that no argument, variable or file can hold."""
    waiting = [root]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, MapNode):
            for entry in node.entries.values():
                waiting += (entry.key, entry.value)
        elif isinstance(node, ListNode):
            waiting += node.items
        elif _UNUSABLE.search(node.text):
            report.error(
                node.place,
                "unusable-character",
                "this text holds a NUL character or half of a surrogate pair",
                "remove the escape",
            )
