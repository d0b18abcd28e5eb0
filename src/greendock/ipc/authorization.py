"""Which principal may call which operation on which resource.

Pure: reads policies that are handed in, decides, and words the denial; logging and looking the
policies up is the router's. Policies only allow, and a component's own `accessControl`
configuration (an object, or its JSON text) is the only source of its rights. Clients of the
command line hold a token of their own and may call every operation of the CLI service.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from greendock.ipc.resource_patterns import Pattern, parse_pattern

CLIENT_PREFIX = "greengrass-cli#"
"""Principals of the command line; no component can have such a name."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One entry of `accessControl`. Operations are full names, or `*`."""

    service: str
    id: str
    operations: tuple[str, ...]
    resources: tuple[Pattern, ...]


def parse_policies(access_control: Any) -> tuple[list[Policy], list[str]]:
    """The policies of one component, and what in them could not be used (one line each).

    A faulty entry is left out alone: it never widens and never removes the rights of others.
    """
    if access_control is None or access_control == "":
        return [], []
    if isinstance(access_control, str):
        try:
            access_control = json.loads(access_control)
        except (ValueError, RecursionError) as error:
            return [], [f"accessControl is not valid JSON: {error}"]
    if not isinstance(access_control, dict):
        return [], ["accessControl is not an object"]
    policies: list[Policy] = []
    problems: list[str] = []
    for service, entries in access_control.items():
        if not isinstance(entries, dict):
            problems.append(f"accessControl.{service} is not an object")
            continue
        for policy_id, entry in entries.items():
            policy, faults = _policy(str(service), str(policy_id), entry)
            policies += [policy] if policy is not None else []
            problems += [f"accessControl.{service}.{policy_id}: {fault}" for fault in faults]
    return policies, problems


def _policy(service: str, policy_id: str, entry: Any) -> tuple[Policy | None, list[str]]:
    if not isinstance(entry, dict):
        return None, ["not an object"]
    members = {str(name).lower(): value for name, value in entry.items()}
    operations = _texts(members.get("operations"))
    if not operations:
        return None, ["no operations"]
    patterns: list[Pattern] = []
    faults: list[str] = []
    for text in _texts(members.get("resources")):
        pattern = parse_pattern(text)
        if pattern is None:
            faults.append(f"resource {text!r} is not a valid pattern")
        else:
            patterns.append(pattern)
    return Policy(service, policy_id, operations, tuple(patterns)), faults


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(text for text in values if isinstance(text, str) and text)


def is_client(principal: str) -> bool:
    return principal.startswith(CLIENT_PREFIX)


def is_allowed(
    policies: list[Policy], service: str, operation: str, resource: str, *, is_topic: bool = False
) -> bool:
    """Whether one of the policies allows it. An empty resource is never allowed."""
    return bool(resource) and any(
        policy.service == service
        and ("*" in policy.operations or operation in policy.operations)
        and any(pattern.matches(resource, is_topic=is_topic) for pattern in policy.resources)
        for policy in policies
    )


def denial(principal: str, service: str, operation: str, resource: str) -> str:
    """The text that the caller gets."""
    return (
        f"Principal {principal} is not authorized to perform {service}:{operation} "
        f"on resource {resource}"
    )


def remedy(principal: str, service: str, operation: str, resource: str) -> str:
    """What in the configuration of `principal` would allow it, for the log. One line."""
    escaped = "".join(f"${{{c}}}" if c in "*?$" and resource != "*" else c for c in resource)
    policy = {"operations": [operation], "resources": [escaped]}
    name = f"{principal}:{service.rpartition('.')[2]}:1"
    return json.dumps({"accessControl": {service: {name: policy}}})
