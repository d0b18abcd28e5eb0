"""The options of `deployment create` and `deploy` as one CreateLocalDeployment request.

Pure: takes texts and parsed JSON, gives the members of the request or says which option is wrong
and how to write it. Reads no file (json_argument.py does).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from greendock.cli.errors import ArgumentsError

_CONFIG_FORM = '{"COMPONENT": {"MERGE": {…}, "RESET": ["/key", …]}}'
_LIMITS_FORM = '{"COMPONENT": {"cpus": 0.5, "memory": 102400}}'
_USER_KINDS = {"posixuser": "posixUser", "windowsuser": "windowsUser"}


class RequestOptions(NamedTuple):
    """What the command line says. `configuration` and `limits` are parsed JSON or None."""

    merge: Sequence[tuple[str, str]] = ()
    remove: Sequence[str] = ()
    group: str | None = None
    configuration: object = None
    run_with: Sequence[str] = ()
    limits: object = None
    policy: str | None = None
    notify_s: int | None = None
    validate_s: int | None = None
    supersede: bool = False
    offline: bool = False


def build_request(options: RequestOptions) -> dict[str, Any]:
    """Members of `aws.greengrass#CreateLocalDeployment`, unset ones left out; the paths are the
    caller's to add. Raises ArgumentsError."""
    removed = list(dict.fromkeys(options.remove))
    members: dict[str, Any] = {
        "groupName": options.group,
        "rootComponentVersionsToAdd": _versions(options.merge),
        "rootComponentsToRemove": removed,
        "componentToConfiguration": _configuration(options.configuration),
        "componentToRunWithInfo": _run_with(options.run_with, options.limits),
        "failureHandlingPolicy": options.policy,
        "componentUpdatePolicy": _notify(options.notify_s),
        "configurationValidationPolicy": _timeout(options.validate_s),
        "supersede": options.supersede,
        "offline": options.offline,
    }
    both = sorted(set(members["rootComponentVersionsToAdd"]) & set(removed))
    if both:
        raise ArgumentsError(f"cannot both deploy and remove {', '.join(both)}")
    return {name: value for name, value in members.items() if value}


def _notify(timeout_s: int | None) -> dict[str, Any]:
    policy = _timeout(timeout_s)
    return {"action": "NOTIFY_COMPONENTS", **policy} if policy else {}


def _timeout(timeout_s: int | None) -> dict[str, Any]:
    return {} if timeout_s is None else {"timeoutInSeconds": timeout_s}


def _versions(merge: Iterable[tuple[str, str]]) -> dict[str, str]:
    versions: dict[str, str] = {}
    for name, version in merge:
        if versions.setdefault(name, version) != version:
            raise ArgumentsError(
                f"cannot use --merge: two versions of {name}: {versions[name]} and {version}"
            )
    return versions


def _configuration(value: object) -> dict[str, Any]:
    components = _objects(value, "--update-config", _CONFIG_FORM)
    for name, update in components.items():
        unknown = [key for key in update if key not in ("MERGE", "RESET")]
        if unknown:
            raise ArgumentsError(
                f"cannot use --update-config: it has the key {unknown[0]!r} for {name}",
                hint=f"the keys are MERGE and RESET, in capitals: {_CONFIG_FORM}",
            )
        if not isinstance(update.get("MERGE", {}), dict):
            raise ArgumentsError(
                f"cannot use --update-config: MERGE of {name} is not an object", hint=_CONFIG_FORM
            )
        if not isinstance(update.get("RESET", []), list):
            raise ArgumentsError(
                f"cannot use --update-config: RESET of {name} is not a list", hint=_CONFIG_FORM
            )
    return components


def _run_with(entries: Iterable[str], limits: object) -> dict[str, dict[str, Any]]:
    info: dict[str, dict[str, Any]] = {}
    for entry in entries:
        target, _, user = entry.partition("=")
        component, _, kind = target.partition(":")
        member = _USER_KINDS.get(kind.strip().lower())
        if not component.strip() or member is None or not user.strip():
            raise ArgumentsError(
                f"cannot understand --runWith {entry}",
                hint="write COMPONENT:posixUser=USER[:GROUP]",
            )
        info.setdefault(component.strip(), {})[member] = user.strip()
    for component, limit in _objects(limits, "--systemLimits", _LIMITS_FORM).items():
        unknown = [key for key in limit if key not in ("cpus", "memory")]
        if unknown:
            raise ArgumentsError(
                f"cannot use --systemLimits: it has the key {unknown[0]!r} for {component}",
                hint=f"the keys are cpus and memory (KB): {_LIMITS_FORM}",
            )
        info.setdefault(component, {})["systemResourceLimits"] = dict(limit)
    return info


def _objects(value: object, option: str, form: str) -> dict[str, Mapping[str, Any]]:
    """A JSON object whose values are objects."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(each, dict) for each in value.values()):
        raise ArgumentsError(
            f"cannot use {option}: it is not a map of components to objects", hint=form
        )
    return value
