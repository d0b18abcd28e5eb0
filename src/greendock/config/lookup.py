"""Finds things in a plain configuration as Greengrass does: names in any case of their letters.

Pure. The stored spelling is what comes back; of names that differ in case only, the exact one is
meant. Used by the IPC operations that read and watch a configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_HIDDEN = "_"


@dataclass(frozen=True, slots=True)
class Found:
    """A value and its keys as they are stored."""

    path: tuple[str, ...]
    value: Any


def look_up(configuration: Mapping[str, Any], key_path: Iterable[str]) -> Found | None:
    """What `key_path` leads to; None when there is nothing, or a leaf is in the way."""
    path: list[str] = []
    value: Any = configuration
    for key in key_path:
        name = spelling(value, key) if isinstance(value, Mapping) else None
        if name is None:
            return None
        path.append(name)
        value = value[name]
    return Found(tuple(path), value)


def spelling(names: Iterable[str], name: str) -> str | None:
    """How `name` is written in `names`; None when it is not in there."""
    if name in names:
        return name
    folded = name.lower()
    return next((known for known in names if known.lower() == folded), None)


def without_hidden(value: Any) -> Any:
    """`value` without what maps hold under names that begin with `_`."""
    if not isinstance(value, Mapping):
        return value
    return {
        key: without_hidden(child) for key, child in value.items() if not key.startswith(_HIDDEN)
    }


def is_below(path: Iterable[str], container: Iterable[str]) -> bool:
    """Whether `path` begins with the keys of `container`, in any case."""
    above = [key.lower() for key in container]
    return [key.lower() for key in path][: len(above)] == above
