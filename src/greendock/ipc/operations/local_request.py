"""A CreateLocalDeployment request as the deployment's own data.

Pure: looks at no file (request_folders.py does). Takes members that were checked against the
table and refuses what the table can't say: group names, configuration updates, limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from greendock.deployment.document import (
    DEFAULT_NOTIFY_S,
    DEFAULT_VALIDATE_S,
    LOCAL_GROUP,
    ConfigurationUpdate,
    FailurePolicy,
    LocalRequest,
)
from greendock.ipc.calls import Members
from greendock.ipc.errors import invalid_arguments
from greendock.lifecycle.model import ResourceLimits, RunWith

_UPDATES = "componentUpdatePolicy"
_LONGEST_S = 2**31 - 1


def local_request(members: Members) -> LocalRequest:
    """Raises OperationError (InvalidArgumentsError). Paths are taken as they are."""
    configuration = members.get("componentToConfiguration", {})
    run_with = members.get("componentToRunWithInfo", {})
    return LocalRequest(
        group=_group(members.get("groupName", "")),
        merge=dict(members.get("rootComponentVersionsToAdd", {})),
        remove=tuple(members.get("rootComponentsToRemove", ())),
        configuration={name: _update(name, update) for name, update in configuration.items()},
        run_with={name: _run_with(name, info) for name, info in run_with.items()},
        recipe_paths=_paths(members, "recipeDirectoryPath", "recipePaths"),
        artifact_folders=_paths(members, "artifactsDirectoryPath", "artifactFolders"),
        failure_policy=FailurePolicy(members.get("failureHandlingPolicy", "DO_NOTHING")),
        notify_s=_notify_s(members.get("componentUpdatePolicy")),
        validate_s=_timeout_s(members, "configurationValidationPolicy", DEFAULT_VALIDATE_S),
        offline=bool(members.get("offline")),
    )


def _notify_s(policy: Mapping[str, Any] | None) -> float | None:
    timeout_s = _timeout_s({_UPDATES: policy}, _UPDATES, DEFAULT_NOTIFY_S)
    skipped = policy is not None and policy.get("action") == "SKIP_NOTIFY_COMPONENTS"
    return None if skipped else timeout_s


def _timeout_s(members: Members, name: str, default_s: float) -> float | None:
    """The `timeoutInSeconds` of a policy; None without one: unlike those of a fleet, a local
    deployment asks components only when it is told to."""
    policy = members.get(name)
    if policy is None:
        return None
    timeout_s = policy.get("timeoutInSeconds", default_s)
    if not 0 < timeout_s <= _LONGEST_S:
        raise invalid_arguments(f"{name}.timeoutInSeconds has to be from 1 to {_LONGEST_S}")
    return float(timeout_s)


def _group(name: str) -> str:
    if ":" in name:
        raise invalid_arguments(f"groupName {name!r} must not contain a colon")
    return f"thinggroup/{name}" if name else LOCAL_GROUP


def _paths(members: Members, single: str, several: str) -> tuple[Path, ...]:
    first = members.get(single)
    texts = [*([first] if first else []), *members.get(several, ())]
    return tuple(dict.fromkeys(Path(text) for text in texts))


def _update(component: str, update: Mapping[str, Any]) -> ConfigurationUpdate:
    where = f"componentToConfiguration.{component}"
    unknown = [key for key in update if key not in ("MERGE", "RESET")]
    if unknown:
        raise invalid_arguments(f"{where} has {unknown[0]!r}; its keys are MERGE and RESET")
    merge, reset = update.get("MERGE"), update.get("RESET") or []
    if merge is not None and not isinstance(merge, dict):
        raise invalid_arguments(f"{where}.MERGE has to be an object")
    if not isinstance(reset, list) or not all(_is_pointer(pointer) for pointer in reset):
        raise invalid_arguments(
            f'{where}.RESET has to be a list of JSON pointers such as "/a/b", or "" for everything'
        )
    return ConfigurationUpdate(merge, tuple(reset))


def _is_pointer(value: Any) -> bool:
    return isinstance(value, str) and (value == "" or value.startswith("/"))


def _run_with(component: str, info: Mapping[str, Any]) -> RunWith:
    limits = info.get("systemResourceLimits")
    return RunWith(
        posix_user=info.get("posixUser") or None,
        limits=None if limits is None else _limits(component, limits),
    )


def _limits(component: str, limits: Mapping[str, Any]) -> ResourceLimits:
    memory, cpus = limits.get("memory"), limits.get("cpus")
    for name, value in (("memory", memory), ("cpus", cpus)):
        if value is not None and value <= 0:
            where = f"componentToRunWithInfo.{component}.systemResourceLimits"
            raise invalid_arguments(f"{where}.{name} has to be more than 0")
    return ResourceLimits(memory_kb=memory, cpus=None if cpus is None else float(cpus))
