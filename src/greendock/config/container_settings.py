"""`greendock.docker.access`, `policy` and `inject`: of the core, and of a component; pure.

Reads and checks; what a rule means is the gateway's. A component's own values stand under
`greendock:` in its configuration and win over the core's. Called when settings are read, and for
each component that is deployed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from greendock.config.section import Section


class Access(StrEnum):
    """Who gets a Docker socket. AUTO: who has a claim to it."""

    AUTO = "auto"
    ALL = "all"
    NONE = "none"


FLAGS = ("privileged", "foreign", "unowned", "engineSocket", "cgroupParent")
LISTS = (
    "hostNamespaces",
    "binds",
    "capabilities",
    "securityOptions",
    "devices",
    "sysctls",
    "volumeDrivers",
    "networkDrivers",
    "runtimes",
    "endpoints",
)
NAMESPACES = ("network", "pid", "ipc", "uts", "user", "cgroup")
PRESETS = ("greengrass", "strict")
_PARTS = ("ipc", "credentials")

RuleValue = bool | tuple[str, ...] | None
"""A flag, or what is allowed; None: all."""


@dataclass(frozen=True, slots=True)
class PolicyChoice:
    """`preset` None: what the core has. `rules`: those that are set one by one, by key."""

    preset: str | None = None
    rules: Mapping[str, RuleValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ContainerSettings:
    """What holds for one component, or the core's defaults."""

    access: Access = Access.AUTO
    policy: PolicyChoice = field(default_factory=lambda: PolicyChoice("greengrass"))
    inject: frozenset[str] = frozenset()


def read_container_settings(greendock: Mapping[str, Any]) -> ContainerSettings:
    """The core's, from its `greendock:` map. Raises ConfigurationError."""
    return _read(Section("greendock", greendock).section("docker"), ContainerSettings())


def own_container_settings(
    component: str, configuration: Mapping[str, Any], core: ContainerSettings
) -> ContainerSettings:
    """A component's, over the core's. Raises ConfigurationError that names component and key."""
    ours = configuration.get("greendock")
    values = ours if isinstance(ours, Mapping) else {}
    place = f"{component} configuration.greendock"
    return _read(Section(place, values).section("docker"), core)


def _read(keys: Section, otherwise: ContainerSettings) -> ContainerSettings:
    access = keys.choice("access", {item.value: item.value for item in Access}, None)
    policy = _policy(keys)
    return ContainerSettings(
        access=Access(access) if access else otherwise.access,
        policy=_over(policy, otherwise.policy) if policy else otherwise.policy,
        inject=_inject(keys, otherwise.inject),
    )


def _inject(keys: Section, otherwise: frozenset[str]) -> frozenset[str]:
    if not any(key.lower() == "inject" for key in keys.written_keys()):
        return otherwise
    names = keys.names("inject")
    wrong = [name for name in names if name.lower() not in _PARTS]
    if wrong:
        raise keys.wrong("inject", wrong[0], f"one of {', '.join(_PARTS)}")
    return frozenset(name.lower() for name in names)


def _over(own: PolicyChoice, core: PolicyChoice) -> PolicyChoice:
    """A component that names a preset begins anew; else it changes single rules of the core's."""
    if own.preset is not None:
        return own
    return PolicyChoice(core.preset, {**core.rules, **own.rules})


def _policy(keys: Section) -> PolicyChoice | None:
    presets = {name: name for name in PRESETS}
    if not keys.is_map("policy"):
        chosen = keys.choice("policy", presets, None)
        return PolicyChoice(chosen) if chosen else None
    rules = keys.section("policy")
    names = {name.lower(): name for name in (*FLAGS, *LISTS)}
    found: dict[str, RuleValue] = {}
    for key in rules.written_keys():
        name = names.get(key.lower())
        if name is None and key.lower() != "preset":
            raise rules.wrong(key, key, f"a rule: preset, {', '.join(names.values())}")
        if name is not None:
            found[name] = rules.flag(name, False) if name in FLAGS else _list(rules, name)
    return PolicyChoice(rules.choice("preset", presets, None), found)


def _list(rules: Section, name: str) -> tuple[str, ...] | None:
    """None for `all`; `none` and an empty list allow nothing."""
    items = rules.names(name)
    if len(items) == 1 and items[0].lower() in ("all", "none"):
        return None if items[0].lower() == "all" else ()
    if name == "hostNamespaces":
        items = tuple(item.lower() for item in items)
        wrong = [item for item in items if item not in NAMESPACES]
        if wrong:
            raise rules.wrong(name, wrong[0], f"one of {', '.join(NAMESPACES)}")
    if name == "binds" and any(not item.startswith("/") for item in items):
        raise rules.wrong(name, list(items), "a list of absolute paths")
    return items
