"""Topics and filters of local publish/subscribe: their levels, what is valid, what matches what.

Pure. The rules are those of the Greengrass nucleus, which are not MQTT's: `a/#` does not match
`a`, empty levels at the end don't count, `#` before the end means the same as `+`, and topics that
begin with `$` are like any other. Used by broker.py.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from greendock.ipc.errors import invalid_arguments

MAX_CHARACTERS = 1024
MAX_LEVELS = 64
"""Bounds of ours, so that what a subscription takes is bounded; AWS IoT has 256 and 8."""

ONE = "+"
REST = "#"

Value = TypeVar("Value")


def levels(text: str) -> tuple[str, ...]:
    """Cut at `/`; empty levels at the end are dropped."""
    return tuple(text.rstrip("/").split("/")) if text.strip("/") else ()


def is_filter(text: str) -> bool:
    """Whether one of the levels is a wildcard."""
    return (ONE in text or REST in text) and any(level in (ONE, REST) for level in levels(text))


def check_topic(topic: str) -> None:
    """InvalidArgumentsError unless a message can be published to it."""
    _check_size(topic)
    if any(character in topic for character in "+#*"):
        raise invalid_arguments(f"cannot publish to {topic}: a topic holds none of + # *")


def check_filter(text: str) -> None:
    """InvalidArgumentsError unless it can be subscribed to."""
    _check_size(text)


def _check_size(text: str) -> None:
    if not text:
        raise invalid_arguments("the topic is empty")
    if len(text) > MAX_CHARACTERS:
        raise invalid_arguments(f"the topic has more than {MAX_CHARACTERS} characters")
    if text.count("/") >= MAX_LEVELS:
        raise invalid_arguments(f"the topic has more than {MAX_LEVELS} levels")


def matches(text: str, topic: str) -> bool:
    """Whether a subscription to `text`, a topic or a filter, gets messages on `topic`."""
    tree: FilterTree[bool] = FilterTree()
    tree.add(text, True)
    return bool(tree.matching(topic))


class _Node(Generic[Value]):
    """One level of the filters that share everything before it."""

    __slots__ = ("children", "here")

    def __init__(self) -> None:
        self.children: dict[str, _Node[Value]] = {}
        self.here: dict[Value, None] = {}


class FilterTree(Generic[Value]):
    """Values under topics and filters. Looking up costs as much as what shares its beginning."""

    def __init__(self) -> None:
        self._root: _Node[Value] = _Node()

    @property
    def is_empty(self) -> bool:
        return not self._root.children and not self._root.here

    def add(self, text: str, value: Value) -> None:
        node = self._root
        for level in levels(text):
            node = node.children.setdefault(level, _Node())
        node.here[value] = None

    def remove(self, text: str, value: Value) -> None:
        """Forget it, and the levels that nothing needs any more."""
        path: list[tuple[_Node[Value], str]] = []
        node = self._root
        for level in levels(text):
            path.append((node, level))
            found = node.children.get(level)
            if found is None:
                return
            node = found
        node.here.pop(value, None)
        for parent, level in reversed(path):
            child = parent.children[level]
            if child.here or child.children:
                break
            del parent.children[level]

    def matching(self, topic: str) -> list[Value]:
        """The values whose topic or filter matches `topic`, which has no wildcards; no order."""
        found: list[Value] = []
        reached, ended = [self._root], [self._root]
        for level in levels(topic):
            following: list[_Node[Value]] = []
            ended = []
            for node in reached:
                for wanted in (level, ONE):
                    child = node.children.get(wanted)
                    if child is not None:
                        ended.append(child)
                rest = node.children.get(REST)
                if rest is not None:
                    found += rest.here
                    following.append(rest)
            reached = ended + following
        for node in ended:
            found += node.here
        return found
