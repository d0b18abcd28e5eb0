"""One service of a compose file: merged over files, then read into a `Service`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greendock.docker.compose.document import Reset
from greendock.docker.compose.interpolation import interpolate
from greendock.docker.compose.model import Service

_LISTS = ("ports", "volumes", "devices", "profiles")


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """As compose merges two files' words on one service, for the keys that are read here."""
    found = dict(base)
    for key, value in over.items():
        if isinstance(value, Reset):
            found.pop(key, None)
        elif key in _LISTS and isinstance(value, list) and isinstance(found.get(key), list):
            found[key] = [*found[key], *value]
        elif key == "depends_on":
            found[key] = [*_names(found.get(key)), *_names(value)]
        else:
            found[key] = value
    return found


def read_service(name: str, data: Mapping[str, Any], variables: Mapping[str, str]) -> Service:
    """Raises InterpolationError. What has another form than compose wants is left out."""

    def text(key: str) -> str:
        value = data.get(key)
        return interpolate(value, variables) if isinstance(value, str) else ""

    def texts(key: str, *members: str) -> tuple[str, ...]:
        value = data.get(key)
        entries = value if isinstance(value, list) else []
        return tuple(
            found for entry in entries if (found := interpolate(_entry(entry, members), variables))
        )

    return Service(
        name,
        image=text("image").strip(),
        has_build=bool(data.get("build")),
        pull_policy=text("pull_policy"),
        profiles=texts("profiles"),
        depends_on=tuple(_names(data.get("depends_on"))),
        ports=texts("ports", "host_ip", "published", "target"),
        container_name=text("container_name"),
        devices=texts("devices", "source", "target"),
        volumes=texts("volumes", "source", "target"),
        network_mode=text("network_mode") or text("net"),
    )


def _entry(entry: Any, members: tuple[str, ...]) -> str:
    if isinstance(entry, dict):
        return ":".join(text for key in members if (text := _scalar(entry.get(key))))
    return _scalar(entry)


def _scalar(value: Any) -> str:
    """Nothing else is ever written out: aliases can make a list of any size."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)


def _names(value: Any) -> list[str]:
    """`depends_on`: a list, or a map by service."""
    if isinstance(value, list | dict):
        return [name for name in value if isinstance(name, str)]
    return []
