"""What the gateway writes into the bodies of calls that create or change something; pure.

Labels of the owner, limits, and on request variables and mounts. Bodies are in canonical form
(`json_body.py`), and what a client says is kept wherever it does not claim to be ours. Called by
the rules of a component's socket.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from greendock.docker.containers.labels import (
    COMPONENT,
    CORE,
    LABELS,
    Owner,
    is_ours,
    labels_of,
)
from greendock.docker.containers.limits import (
    LimitRule,
    members_for_client_update,
    members_for_create,
    read_asked,
)
from greendock.docker.gateway.json_body import UnreadableBody
from greendock.docker.gateway.shapes import AT_THE_TOP_TOO, HOST_CONFIG


@dataclass(frozen=True, slots=True)
class MountedFolder:
    """A folder of the host for the component's containers."""

    source: str
    target: str
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class Injected:
    """What the component's containers get beside what they ask for. Values can be secret."""

    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    mounts: tuple[MountedFolder, ...] = ()


NOTHING_INJECTED = Injected()
_OF_THE_CONTAINER = frozenset(
    {
        *("HostConfig", "NetworkingConfig", "Cpuset", "Hostname", "Domainname"),
        *("User", "AttachStdin", "AttachStdout", "AttachStderr", "ExposedPorts"),
        *("Tty", "OpenStdin", "StdinOnce", "Env", "Cmd"),
        *("Healthcheck", "ArgsEscaped", "Image", "Volumes", "WorkingDir"),
        *("Entrypoint", "NetworkDisabled", "MacAddress", "OnBuild", "Labels"),
        *("StopSignal", "StopTimeout", "Shell"),
    }
)


def with_labels(members: Mapping[str, Any], owner: Owner, name: str = "Labels") -> dict[str, Any]:
    """The labels of `owner`; what a client sends under their prefix is dropped."""
    sent = members.get(name)
    if sent is not None and not isinstance(sent, Mapping):
        return dict(members)  # the engine refuses it
    kept = {label: value for label, value in (sent or {}).items() if not is_ours(label)}
    return {**members, name: {**kept, **labels_of(owner)}}


def without_owner(members: Mapping[str, Any]) -> dict[str, Any]:
    """For an image that is made of a container: it would take over the container's labels, and
    whatever is made of it later would pass for the component's. Labels can't be taken away, only
    emptied; without a core they mean nobody."""
    sent = members.get("Labels")
    kept = sent if isinstance(sent, Mapping) else {}
    return {**members, "Labels": {**kept, **dict.fromkeys(LABELS, "")}}


def host_config(members: Mapping[str, Any]) -> dict[str, Any] | None:
    """The HostConfig that the engine makes of a create or start body; None when there is none.

    Until Docker 26 it takes the members at the top for it when there is no HostConfig, and some
    of them to fill it up. Raises UnreadableBody for one that is no object.
    """
    inner = members.get("HostConfig")
    if inner is None:
        # What this code doesn't know comes along: only the engine can tell what it is.
        top = {n: value for n, value in members.items() if n not in _OF_THE_CONTAINER}
        return top or None
    if not isinstance(inner, Mapping):
        raise UnreadableBody("HostConfig is no object")
    filled = {
        name: members[name]
        for name in AT_THE_TOP_TOO
        if members.get(name) is not None and not inner.get(name)
    }
    return {**inner, **filled}


def with_host_config(members: Mapping[str, Any], host: Mapping[str, Any]) -> dict[str, Any]:
    """`host` is the only one that is left for the engine to read."""
    others = {name: value for name, value in members.items() if name not in HOST_CONFIG}
    return {**others, "HostConfig": dict(host)}


def with_update_limits(
    resources: Mapping[str, Any], rule: LimitRule, cgroup_parent: str
) -> dict[str, Any]:
    """An update of a container whose parent is `cgroup_parent`, within the limits."""
    return {
        **resources,
        **members_for_client_update(rule, read_asked(resources), cgroup_parent),
    }


def with_limits(resources: Mapping[str, Any], rule: LimitRule) -> dict[str, Any]:
    """A HostConfig within the limits."""
    return {**resources, **members_for_create(rule, read_asked(resources))}


def with_injected(
    members: Mapping[str, Any], host: Mapping[str, Any], injected: Injected
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Create body and HostConfig with what the client did not set itself."""
    own = members.get("Env")
    entries = list(own) if isinstance(own, list) else []
    named = {str(entry).partition("=")[0] for entry in entries}
    added = [
        f"{name}={value}" for name, value in injected.environment.items() if name not in named
    ]
    taken = _targets(members, host)
    mounts = [mount for mount in injected.mounts if mount.target not in taken]
    new_members, new_host = dict(members), dict(host)
    if added and (own is None or isinstance(own, list)):
        new_members["Env"] = [*entries, *added]
    if mounts:
        new_host["Mounts"] = [*_list(host.get("Mounts")), *map(_mount, mounts)]
    return new_members, new_host


def _mount(mount: MountedFolder) -> dict[str, Any]:
    return {
        "Type": "bind",
        "Source": mount.source,
        "Target": mount.target,
        "ReadOnly": mount.is_read_only,
    }


def _targets(members: Mapping[str, Any], host: Mapping[str, Any]) -> set[str]:
    """Where in the container the client mounts something."""
    found = {str(one.get("Target")) for one in _list(host.get("Mounts")) if isinstance(one, dict)}
    for bind in _list(host.get("Binds")):
        parts = str(bind).split(":")
        found.add(parts[1] if len(parts) > 1 else parts[0])
    for places in (host.get("Tmpfs"), members.get("Volumes")):
        found |= set(places) if isinstance(places, Mapping) else set()
    return {target.rstrip("/") or "/" for target in found}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def narrowed_filters(text: str, owner: Owner) -> str | None:
    """The `filters` of a prune call, for what the component has; None for what can't be read.

    The engine takes `{"label": {"a=b": true}}`, and `{"label": ["a=b"]}` of old clients.
    """
    try:
        sent = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return None
    if not isinstance(sent, dict):
        return None
    found: dict[str, dict[str, bool]] = {}
    for name, values in sent.items():
        if not isinstance(values, dict | list):
            return None
        found[name] = {str(value): True for value in values}
    labels = found.setdefault("label", {})
    labels[f"{CORE}={owner.core}"] = True
    labels[f"{COMPONENT}={owner.component}"] = True
    return json.dumps(found)
