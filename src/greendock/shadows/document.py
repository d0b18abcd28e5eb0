"""The rules of shadow documents: how an update merges, what the delta is, when what was written.

Pure: documents and time in, documents out. The rules are those of AWS IoT: objects merge, null
removes, everything else replaces; each update makes a new version; the metadata has a time stamp
for each value. Knows no names, topics or stores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from greendock.shadows.errors import ShadowRefused, ShadowTooLarge, VersionConflict
from greendock.shadows.json_text import json_bytes
from greendock.shadows.patch import SECTIONS, Patch

DEFAULT_STATE_BYTES = 8192
MOST_STATE_BYTES = 30_720


@dataclass(frozen=True, slots=True)
class ShadowDocument:
    """`state` has `desired` and `reported`, each only when there is something in it; `metadata`
    has the same shape, with a time stamp in the place of each value."""

    version: int
    state: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def delta(self) -> dict[str, Any]:
        """What is desired and not reported so; empty when there is no difference."""
        return difference(self.state.get("desired", {}), self.state.get("reported", {}))

    @property
    def delta_metadata(self) -> dict[str, Any]:
        return _part(self.delta, self.metadata.get("desired", {}))


@dataclass(frozen=True, slots=True)
class Situation:
    """What an update meets. `current` None: there is no such shadow; `last_version`: of one that
    was deleted not long ago, else 0."""

    current: ShadowDocument | None
    last_version: int
    now_s: int
    most_state_bytes: int = DEFAULT_STATE_BYTES


def updated(patch: Patch, situation: Situation) -> ShadowDocument:
    """The next version. Raises VersionConflict, ShadowTooLarge, ShadowRefused."""
    current = situation.current
    _require_version(patch.version, current)
    old = current or ShadowDocument(situation.last_version)
    state: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    for section in SECTIONS:
        before = old.state.get(section, {})
        if section not in patch.state:
            after, stamps = before, old.metadata.get(section, {})
        else:
            changes = patch.state[section]
            after = {} if changes is None else merged(before, changes)
            stamps = _stamped(after, old.metadata.get(section, {}), changes or {}, situation.now_s)
        if after:
            state[section], metadata[section] = after, stamps
    _require_size(state, situation.most_state_bytes)
    return ShadowDocument(old.version + 1, state, metadata)


def merged(current: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    """`current` with `patch` laid over it. An object that loses its last member goes as well; one
    that was written as `{}` stays."""
    result = dict(current) if isinstance(current, Mapping) else {}
    for key, value in patch.items():
        if isinstance(value, Mapping):
            inner = merged(result.get(key), value)
            if inner or not value:
                result[key] = inner
            else:
                result.pop(key, None)
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def difference(desired: Mapping[str, Any], reported: Mapping[str, Any]) -> dict[str, Any]:
    """The part of `desired` that `reported` lacks or has otherwise. Lists differ as a whole."""
    result: dict[str, Any] = {}
    for key, wanted in desired.items():
        found = reported.get(key)
        if isinstance(wanted, Mapping) and isinstance(found, Mapping):
            inner = difference(wanted, found)
            if inner:
                result[key] = inner
        elif key not in reported or not same(wanted, found):
            result[key] = wanted
    return result


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def time_stamps(value: Any, now_s: int) -> Any:
    """`value` with a time stamp in the place of each value, also of each null."""
    if isinstance(value, Mapping):
        return {key: time_stamps(child, now_s) for key, child in value.items()}
    if isinstance(value, list):
        return [time_stamps(child, now_s) for child in value]
    return {"timestamp": now_s}


def _stamped(
    state: Mapping[str, Any], known: Any, patch: Mapping[str, Any], now_s: int
) -> dict[str, Any]:
    """The metadata of `state`: what `patch` wrote is new, the rest as `known`.

    Led by the state alone, since a member may be called `timestamp` too.
    """
    known = known if isinstance(known, Mapping) else {}
    result: dict[str, Any] = {}
    for key, value in state.items():
        if key not in patch:
            result[key] = known[key]
        elif isinstance(value, Mapping):
            result[key] = _stamped(value, known.get(key, {}), patch[key], now_s)
        else:
            result[key] = time_stamps(value, now_s)
    return result


def _part(delta: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _part(value, metadata[key]) if isinstance(value, Mapping) else metadata[key]
        for key, value in delta.items()
    }


def _require_version(wanted: int | None, current: ShadowDocument | None) -> None:
    if wanted is None:
        return
    if current is None:
        if wanted != 1:
            raise ShadowRefused(
                f"cannot use version {wanted}: the shadow is new, so it has to be 1 or left out"
            )
    elif wanted != current.version:
        raise VersionConflict(
            f"cannot update version {wanted}: the shadow has version {current.version}",
            hint="get the shadow and try again",
        )


def _require_size(state: Mapping[str, Any], most: int) -> None:
    size = sum(len(json_bytes(section)) for section in state.values())
    if size > most:
        raise ShadowTooLarge(
            f"cannot make the state {size} bytes large: the limit is {most}",
            hint="shadowDocumentSizeLimitBytes of aws.greengrass.ShadowManager sets the limit",
        )
