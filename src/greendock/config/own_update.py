"""What a component's update of its own configuration leads to; pure.

Maps merge, lists and scalars replace, and each leaf gives way only to what is as new or newer.
Refuses access policies and what containers may do, which only a deployment may set, and sizes that
the device can't keep.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greendock.base.errors import UsageError
from greendock.config.changes import changed_leaves
from greendock.config.lookup import look_up
from greendock.config.tree import DEFAULT_TIMESTAMP_MS, Leaf, Node, merge, newest, to_plain

LARGEST_BYTES = 1024 * 1024
MOST_VALUES = 10_000
"""Leaves and maps: each update takes time for each of them."""
DEEPEST = 100
LAST_TIMESTAMP_MS = 253_402_300_799_999
"""The end of the year 9999: what is later is another unit of time."""

_POLICIES = "accesscontrol"
_CONTAINER_RULES = frozenset({"access", "policy", "inject"})


@dataclass(frozen=True, slots=True)
class OwnUpdate:
    """`value` goes into the map that `key_path` names, as of `timestamp_ms`."""

    key_path: tuple[str, ...]
    value: Mapping[str, Any]
    timestamp_ms: int

    @property
    def nested(self) -> Mapping[str, Any]:
        """The same update, seen from the root of the configuration."""
        value: Mapping[str, Any] = self.value
        for key in reversed(self.key_path):
            value = {key: value}
        return value


def require_acceptable(update: OwnUpdate) -> None:
    """Raises UsageError for an update that no configuration takes."""
    first = update.key_path[:1] or tuple(update.value)
    if any(key.casefold() == _POLICIES for key in first):
        raise _refusal(
            "accessControl is set by deployments only", "put it into the recipe or a deployment"
        )
    if _touches_container_rules(update.nested):
        raise _refusal(
            "greendock.docker.access, .policy and .inject are set by deployments only",
            "put them into the recipe or a deployment",
        )
    if not 0 <= update.timestamp_ms <= LAST_TIMESTAMP_MS:
        raise _refusal("its timestamp is out of range", "give seconds since the epoch")
    if len(update.key_path) + _depth(update.value) > DEEPEST:
        raise _refusal(f"it would be nested deeper than {DEEPEST} levels")
    _require_size(update.nested)


def updated_by(tree: Node, update: OwnUpdate) -> tuple[Node, bool]:
    """The tree after `update`, and whether nothing below its key path is newer than it.

    Older leaves take the update in any case. Raises UsageError when the result is too large.
    """
    # The stamp of a recipe's defaults would make the next deployment forget the value.
    stamp = update.timestamp_ms + (update.timestamp_ms == DEFAULT_TIMESTAMP_MS)
    after, kept = merge(tree, update.nested, stamp)
    # 1 and true are equal in Python only.
    if after == tree and not changed_leaves(to_plain(tree), to_plain(after)):
        after = tree
    else:
        _require_size(to_plain(after))
    return after, not kept and _newest_below(after, update.key_path) <= stamp


def _touches_container_rules(nested: Mapping[str, Any]) -> bool:
    """Also by what would take the place of the maps that hold them."""
    for ours in _of(nested, "greendock"):
        if not isinstance(ours, Mapping):
            return True
        for docker in _of(ours, "docker"):
            if not isinstance(docker, Mapping):
                return True
            if any(key.casefold() in _CONTAINER_RULES for key in docker):
                return True
    return False


def _of(values: Mapping[str, Any], name: str) -> list[Any]:
    """What stands under a name in any case of its letters."""
    return [value for key, value in values.items() if key.casefold() == name]


def _newest_below(tree: Node, key_path: tuple[str, ...]) -> int:
    found = None if isinstance(tree, Leaf) else look_up(tree, key_path)
    return 0 if found is None else newest(found.value)


def _require_size(value: Any) -> None:
    count = _count(value)
    if count > MOST_VALUES:
        raise _refusal(f"it would have {count} values, and {MOST_VALUES} are the most")
    size = len(json.dumps(value, ensure_ascii=False).encode())
    if size > LARGEST_BYTES:
        raise _refusal(f"it would take {size} bytes, and {LARGEST_BYTES} are the most")


def _depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    items = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, items), default=0)


def _count(value: Any) -> int:
    if not isinstance(value, Mapping):
        return 1
    return 1 + sum(map(_count, value.values()))


def _refusal(cause: str, hint: str | None = None) -> UsageError:
    return UsageError(
        f"cannot update the configuration: {cause}",
        codes=("COMPONENT_CONFIGURATION_NOT_VALID",),
        hint=hint,
    )
