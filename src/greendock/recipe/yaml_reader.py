"""YAML text → node tree, from the parser's events and without PyYAML's own types.

Works on events instead of composed nodes, since composing recurses in C and a deeply nested
text would end the process; here depth and alias expansion are limited while reading. Refuses
custom tags, several documents and aliases that contain themselves. Called by `document`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import yaml

from greendock.recipe.lines import Lines
from greendock.recipe.malformed import MAX_DEPTH, MalformedError, too_deep
from greendock.recipe.nodes import Entry, ListNode, MapNode, Node, Place, Scalar, kind_of
from greendock.recipe.report import Report
from greendock.recipe.yaml_faults import explain

_SCALAR_WEIGHT = 16
_MAX_WEIGHT = 16 * 1024 * 1024
_TYPED = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "null"))
_TEXT = frozenset(("!", "tag:yaml.org,2002:str"))
_COLLECTION = {
    yaml.MappingStartEvent: ("!", "tag:yaml.org,2002:map"),
    yaml.SequenceStartEvent: ("!", "tag:yaml.org,2002:seq"),
}


class _Built(NamedTuple):
    """A node with its size and height once every alias in it is written out."""

    node: Node
    weight: int
    height: int


@dataclass(slots=True)
class _Frame:
    """A map or list whose end has not been read yet."""

    is_map: bool
    place: Place
    anchor: str | None
    weight: int = _SCALAR_WEIGHT
    height: int = 1
    children: list[Node] = field(default_factory=list)


def read_yaml(text: str, lines: Lines, report: Report) -> Node | None:
    """The tree of the only document in `text`; None when the text holds none.

    Raises MalformedError where reading can't go on; notes duplicate keys and the like in `report`.
    """
    loader = yaml.CSafeLoader(text)
    try:
        return _Builder(lines, report).build(_events(loader))
    except yaml.MarkedYAMLError as error:
        raise explain(error, text, lines) from error
    finally:
        loader.dispose()


def _events(loader: yaml.CSafeLoader) -> Iterator[yaml.Event]:
    while (event := loader.get_event()) is not None:
        yield event
        if isinstance(event, yaml.StreamEndEvent):
            return


class _Builder:
    def __init__(self, lines: Lines, report: Report) -> None:
        self._lines = lines
        self._report = report
        self._open: list[_Frame] = []
        self._anchors: dict[str, _Built] = {}
        self._root: Node | None = None
        self._documents = 0

    def build(self, events: Iterator[yaml.Event]) -> Node | None:
        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                self._add(self._scalar(event), event.anchor)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._begin(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._end()
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                self._begin_document(event)
        return self._root

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return self._lines.place(mark.index if mark else 0)

    def _begin_document(self, event: yaml.Event) -> None:
        self._documents += 1
        if self._documents > 1:
            raise MalformedError(
                self._place(event),
                "several-documents",
                "a second YAML document begins here",
                "keep one recipe per file: put this one into a file of its own",
            )

    def _scalar(self, event: yaml.ScalarEvent) -> _Built:
        place = self._place(event)
        tag = event.tag
        if tag is not None and tag not in _TYPED and tag not in _TEXT:
            self._refuse_tag(place, tag)
        is_plain = tag in _TYPED or (tag is None and event.implicit[0])
        node = Scalar(event.value, is_plain, place)
        return _Built(node, _SCALAR_WEIGHT + len(event.value), 0)

    def _refuse_tag(self, place: Place, tag: str) -> None:
        self._report.error(
            place,
            "custom-tag",
            f"the tag {tag!r} has no meaning in a recipe",
            "remove the tag, or quote this value if the ! belongs to it",
        )

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        place = self._place(event)
        if event.tag is not None and event.tag not in _COLLECTION[type(event)]:
            self._refuse_tag(place, event.tag)
        if len(self._open) >= MAX_DEPTH:
            raise too_deep(place)
        self._open.append(_Frame(type(event) is yaml.MappingStartEvent, place, event.anchor))
        if event.anchor is not None:
            self._anchors.pop(event.anchor, None)

    def _end(self) -> None:
        frame = self._open.pop()
        node: Node
        if frame.is_map:
            node = MapNode(_Entries(self._report).of(frame.children), frame.place)
        else:
            node = ListNode(tuple(frame.children), frame.place)
        self._add(_Built(node, frame.weight, frame.height), frame.anchor)

    def _alias(self, event: yaml.AliasEvent) -> None:
        built = self._anchors.get(event.anchor or "")
        if built is not None:
            self._add(built, None)
            return
        if any(frame.anchor == event.anchor for frame in self._open):
            message = f"the alias *{event.anchor} stands inside of what it refers to"
            fix = "write the value out"
        else:
            message = f"no anchor &{event.anchor} stands before this alias"
            fix = f'quote this value if it is meant as text: "*{event.anchor}"'
        raise MalformedError(self._place(event), "unknown-alias", message, fix)

    def _add(self, built: _Built, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = built
        if not self._open:
            self._root = built.node
            return
        parent = self._open[-1]
        parent.children.append(built.node)
        parent.weight += built.weight
        parent.height = max(parent.height, built.height + 1)
        if parent.weight > _MAX_WEIGHT:
            raise MalformedError(
                parent.place,
                "too-large",
                "the aliases of this file write out to more than a recipe can hold",
                "write the values out, or repeat fewer of them",
            )
        if len(self._open) + built.height > MAX_DEPTH:
            raise too_deep(parent.place)


class _Entries:
    """Pairs keys and values of one map: duplicate keys, merge keys, keys that are no scalars."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._own: dict[str, Entry] = {}
        self._merged: dict[str, Entry] = {}

    def of(self, children: list[Node]) -> dict[str, Entry]:
        for key, value in zip(children[::2], children[1::2], strict=True):
            self._take(key, value)
        if not self._merged:
            return self._own
        return {**self._merged, **self._own}

    def _take(self, key: Node, value: Node) -> None:
        if not isinstance(key, Scalar):
            self._report.error(
                key.place,
                "key-not-text",
                f"a key must be text, not {kind_of(key)}",
                "quote this value if it is meant as text, for example a recipe variable",
            )
        elif key.is_plain and key.text == "<<":
            self._merge(key, value)
        else:
            self._report.duplicate_key(self._own.get(key.text), key)
            self._own[key.text] = Entry(key, value)

    def _merge(self, key: Scalar, value: Node) -> None:
        sources = value.items if isinstance(value, ListNode) else (value,)
        for source in sources:
            if isinstance(source, MapNode):
                for name, entry in source.entries.items():
                    self._merged.setdefault(name, entry)
            else:
                self._report.error(
                    key.place,
                    "merge-not-a-map",
                    f"<< merges maps, not {kind_of(source)}",
                    "refer to a map: <<: *name",
                )
