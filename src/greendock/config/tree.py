"""Component configuration as a tree whose leaves carry time stamps; pure functions on plain data.

A node is a dict (interior) or a `Leaf`. Rules, as Greengrass has them: maps merge, lists and
scalars replace whole; a leaf gives way only to a value as new or newer; recipe defaults
carry time stamp 1, so that they fill gaps but never override what was deployed or set on the
device. An update finds existing keys in any case of their letters and keeps their spelling.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

DEFAULT_TIMESTAMP_MS = 1


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that is not a map, and when it was set (milliseconds since the epoch)."""

    value: Any
    timestamp_ms: int


Node: TypeAlias = "dict[str, Node] | Leaf"


def from_plain(value: Any, timestamp_ms: int) -> Node:
    """`value` (JSON-like) as a tree, every leaf stamped alike."""
    if isinstance(value, Mapping):
        return {str(key): from_plain(child, timestamp_ms) for key, child in value.items()}
    return Leaf(value, timestamp_ms)


def to_plain(node: Node) -> Any:
    """The values of a tree without time stamps."""
    if isinstance(node, Leaf):
        return node.value
    return {key: to_plain(child) for key, child in node.items()}


def dump(node: Node) -> Any:
    """A JSON-like form that keeps the time stamps: maps stay maps, a leaf is `[value, stamp]`."""
    if isinstance(node, Leaf):
        return [node.value, node.timestamp_ms]
    return {key: dump(child) for key, child in node.items()}


def load(data: Any) -> Node:
    """The tree of a `dump`."""
    if isinstance(data, dict):
        return {key: load(child) for key, child in data.items()}
    value, timestamp_ms = data
    return Leaf(value, timestamp_ms)


def leaves(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Everything in a tree that is not a filled map, with its keys: leaves and empty maps."""
    if isinstance(node, Leaf) or not node:
        yield path, node
        return
    for key, child in node.items():
        yield from leaves(child, (*path, key))


def newest(node: Node) -> int:
    """The newest time stamp in a tree; 0 for an empty one."""
    if isinstance(node, Leaf):
        return node.timestamp_ms
    return max((newest(child) for child in node.values()), default=0)


def merge(node: Node, value: Any, timestamp_ms: int, *, at: str = "") -> tuple[Node, list[str]]:
    """`node` with `value` merged in, and the JSON pointers where a newer value was kept."""
    if not isinstance(value, Mapping):
        if newest(node) > timestamp_ms:
            return node, [at]
        return Leaf(value, timestamp_ms), []
    if isinstance(node, Leaf):
        if node.timestamp_ms > timestamp_ms:
            return node, [at]
        node = {}
    merged, kept = dict(node), []
    spellings = {known.lower(): known for known in merged}
    for key, child in value.items():
        name = str(key)
        if name not in merged:
            name = spellings.setdefault(name.lower(), name)
        merged[name], older = merge(
            merged.get(name, {}), child, timestamp_ms, at=f"{at}/{escape_pointer_part(name)}"
        )
        kept += older
    return merged, kept


def updated(
    current: Node | None,
    defaults: Mapping[str, Any],
    *,
    merge_value: Mapping[str, Any] | None,
    reset: Iterable[str],
    timestamp_ms: int,
) -> tuple[Node, list[str]]:
    """The configuration after an update: reset, then new defaults, then merge.

    Returns the tree and the pointers where a value newer than this update stayed. Defaults of an
    earlier version that the new one no longer has vanish; lists can't be reset by index.
    """
    tree: Node = without_defaults(current) if current is not None else {}
    for pointer in reset:
        tree = without(tree, pointer)
    tree, _ = merge(tree, dict(defaults), DEFAULT_TIMESTAMP_MS)
    if merge_value is None:
        return tree, []
    return merge(tree, merge_value, timestamp_ms)


def without_defaults(node: Node) -> Node:
    """`node` without the leaves that a recipe's defaults set, and the maps they leave empty."""
    if isinstance(node, Leaf):
        return node
    kept: dict[str, Node] = {}
    for key, child in node.items():
        if isinstance(child, Leaf):
            if child.timestamp_ms != DEFAULT_TIMESTAMP_MS:
                kept[key] = child
            continue
        inner = without_defaults(child)
        if inner or not child:
            kept[key] = inner
    return kept


def without(node: Node, pointer: str) -> Node:
    """`node` without what `pointer` (RFC 6901) names; unchanged where there is nothing."""
    return _without_parts(node, pointer_parts(pointer))


def _without_parts(node: Node, parts: list[str]) -> Node:
    if not parts:
        return {}
    if isinstance(node, Leaf):
        return node
    key = _key_of(node, parts[0])
    if key not in node:
        return node
    copy = dict(node)
    if len(parts) == 1:
        del copy[key]
    else:
        copy[key] = _without_parts(copy[key], parts[1:])
    return copy


def _key_of(node: Mapping[str, Node], key: str) -> str:
    """The spelling that `key` has in `node`; `key` itself where it is new."""
    if key in node:
        return key
    folded = key.lower()
    return next((known for known in node if known.lower() == folded), key)


def pointer_parts(pointer: str) -> list[str]:
    """The keys of a JSON pointer; ValueError when it does not start with `/`."""
    if pointer == "":
        return []
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is not a JSON pointer: it has to start with /")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]


def escape_pointer_part(key: str) -> str:
    """`key` as one part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")
