"""Which settings a component may have of its own, under `greendock:` in its configuration; pure.

Says what nothing reads, most likely a slip of the pen. What the values mean is read elsewhere.
Called when a component is deployed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_KNOWN = {
    "docker": ("access", "policy", "inject", "pullPolicy", "loadArchives"),
    "health": ("soakSeconds",),
}


def unread_settings(configuration: Mapping[str, Any]) -> list[str]:
    """A text for each key that nothing reads. Case doesn't count, as everywhere."""
    own = configuration.get("greendock")
    found = _unread("greendock", own, _KNOWN)
    for group, known in _KNOWN.items():
        for key, values in own.items() if isinstance(own, Mapping) else ():
            if str(key).lower() == group:
                found += _unread(f"greendock.{group}", values, known)
    return found


def _unread(place: str, values: Any, known: Iterable[str]) -> list[str]:
    names = {name.lower() for name in known}
    keys = [str(key) for key in values] if isinstance(values, Mapping) else []
    return [
        f"nothing reads {place}.{key} of its configuration; it may be {' or '.join(known)}"
        for key in keys
        if key.lower() not in names
    ]
