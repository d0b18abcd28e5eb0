"""A component as text and as the JSON object that the reference page describes; pure.

The first four lines are those of the official client; --verbose adds what only this core knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from greendock.cli.output import compact
from greendock.cli.progress_state import size_text

_MEMBERS = (
    "componentName",
    "version",
    "state",
    "statusCode",
    "statusReason",
    "restarts",
    "paused",
    "pid",
    "containers",
    "containersKnown",
    "adopted",
    "containerLimits",
    "unowned",
    "configuration",
)
_ID_CHARACTERS = 12
_ENFORCED = {
    "group": "together in one control group",
    "each": "each container by itself",
}


def component_object(component: Mapping[str, Any]) -> dict[str, Any]:
    """The documented members, all of them always there."""
    return {member: component.get(member) for member in _MEMBERS}


def component_lines(component: Mapping[str, Any], *, verbose: bool) -> list[str]:
    configuration = component.get("configuration")
    lines = [
        f"Component Name: {component.get('componentName')}",
        f"    Version: {component.get('version')}",
        f"    State: {component.get('state')}",
    ]
    if component.get("paused"):
        lines.append("    Paused: true")
    lines.append(f"    Configuration: {compact(configuration) if configuration else 'null'}")
    return [*lines, *_more(component)] if verbose else lines


def _more(component: Mapping[str, Any]) -> list[str]:
    lines = [f"    Status: {component.get('statusCode') or 'NONE'}"]
    if component.get("statusReason"):
        lines.append(f"    Status Reason: {component['statusReason']}")
    lines.append(f"    Restarts: {component.get('restarts') or 0}")
    if component.get("pid"):
        lines.append(f"    Process: {component['pid']}")
    return [*lines, *_containers(component), *_limits(component), *_unowned(component)]


def _containers(component: Mapping[str, Any]) -> list[str]:
    containers = component.get("containers") or []
    if not containers:
        return []
    notes = [
        text
        for is_so, text in (
            (component.get("adopted"), "taken over from an earlier life of the core"),
            (component.get("containersKnown") is False, "as last seen; the engine is away"),
        )
        if is_so
    ]
    note = f" ({'; '.join(notes)})" if notes else ""
    lines = [f"    Containers: {len(containers)}{note}"]
    for one in containers:
        lines += _container(one)
    return lines


def _container(one: Mapping[str, Any]) -> list[str]:
    parts = [str(one.get("state"))]
    if one.get("exitCode") is not None:
        parts[0] += f" with {one['exitCode']}"
    if one.get("health"):
        parts.append(str(one["health"]))
    if one.get("restarts"):
        parts.append(f"{one['restarts']} restarts" if one["restarts"] > 1 else "1 restart")
    if one.get("startedAt"):
        parts.append(f"started {_moment(one['startedAt'])}")
    digest = one.get("imageDigest") or one.get("imageId") or ""
    return [
        f"        {one.get('name')} ({_short(one.get('id'))}): {', '.join(parts)}",
        f"            Image: {one.get('imageName')} {digest}".rstrip(),
    ]


def _limits(component: Mapping[str, Any]) -> list[str]:
    limits = component.get("containerLimits") or {}
    parts: list[str] = []
    if limits.get("memoryBytes") is not None:
        parts.append(f"memory {size_text(limits['memoryBytes'])}")
    if limits.get("cpus") is not None:
        parts.append(f"{limits['cpus']:g} CPUs")
    lines: list[str] = []
    if parts:
        how = _ENFORCED.get(limits.get("enforcedBy") or "", "not enforced")
        if limits.get("controlGroup") and limits.get("enforcedBy") == "group":
            how = f"{how}, {limits['controlGroup']}"
        lines.append(f"    Container Limits: {', '.join(parts)} ({how})")
    if limits.get("trouble"):
        lines.append(f"    Container Limits Trouble: {limits['trouble']}")
    return lines


def _unowned(component: Mapping[str, Any]) -> list[str]:
    return [
        f"    Unowned Container: {one.get('name') or ''} ({_short(one.get('id'))}) of "
        f"{one.get('imageName')}: {one.get('why')}"
        for one in component.get("unowned") or ()
    ]


def _short(container_id: object) -> str:
    return str(container_id or "")[:_ID_CHARACTERS]


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
