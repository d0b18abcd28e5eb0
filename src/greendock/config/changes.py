"""Which values of a component's configuration differ, and the news of it.

Pure, on plain values. Published by the deployment package whenever what a component runs by has
changed, whoever changed it; time stamps alone are no change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class ConfigurationChanged:
    """Published on the bus. `key_paths` name the leaves that are new, other or gone."""

    component: str
    key_paths: tuple[tuple[str, ...], ...]


def changed_leaves(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> tuple[tuple[str, ...], ...]:
    """The key paths of all leaves that differ; None stands for no configuration."""
    return tuple(_differences(old or {}, new or {}, ()))


def _differences(old: Any, new: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if old is new:
        return
    befores = old if isinstance(old, Mapping) else {}
    afters = new if isinstance(new, Mapping) else {}
    leaves = [x for x in (old, new) if not isinstance(x, Mapping) and x is not _ABSENT]
    if leaves and not (len(leaves) == 2 and _is_same(old, new)):
        yield path
    for key in {**befores, **afters}:
        yield from _differences(befores.get(key, _ABSENT), afters.get(key, _ABSENT), (*path, key))


def _is_same(old: Any, new: Any) -> bool:
    """As JSON has it: 1, 1.0 and true are three values."""
    if old != new or type(old) is not type(new):
        return False
    return not isinstance(old, list) or json.dumps(old, sort_keys=True) == json.dumps(
        new, sort_keys=True
    )
