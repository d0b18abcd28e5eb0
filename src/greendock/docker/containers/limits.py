"""Decides how a component's limits are put on its containers; pure.

Together in one control group where core and engine share the groups, else on each container by
itself, else not at all, and then it says why. The gateway asks for each container that is created
or changed; limit_updates.py for those that run.
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from greendock.docker.engine.api_version import read_version
from greendock.docker.engine.model import EngineInfo

NANO = 1_000_000_000
LEAST_MEMORY_BYTES = 6 * 1024 * 1024
"""Engines refuse less for one container."""
_LEAST_NANO_CPUS = NANO // 100
_NANO_CPUS_SINCE = (1, 25)
_DEFAULT_PERIOD_US = 100_000
_LEAST_QUOTA_US = 1000
_CORES_GROUPS = "greendock"
# No limit, as an update of a container can say it: 0 is "as it was", and with a swap of -1 runc
# writes the two in an order that version 1 refuses.
_NO_LIMIT_BYTES = 1 << 61


class Enforcement(StrEnum):
    """By what limits hold: one group of all containers, each container by itself, or nothing."""

    GROUP = "group"
    EACH = "each"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class WantedLimits:
    """A component's limits; None: no limit."""

    memory_bytes: int | None = None
    nano_cpus: int | None = None

    @classmethod
    def of(cls, memory_kb: int | None, cpus: float | None) -> WantedLimits:
        """From systemResourceLimits; what is no limit there is none here."""
        memory = memory_kb * 1024 if memory_kb and memory_kb > 0 else None
        has_cpus = cpus is not None and math.isfinite(cpus) and cpus > 0
        return cls(memory, math.ceil((cpus or 0) * NANO) if has_cpus else None)


UNLIMITED = WantedLimits()


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """The control group that the core can offer for the containers of one component.

    `parent`: its path, None when it can offer none; `version` of the control groups, `1` or `2`.
    `is_shared`: the engine sees the same groups as the core. `trouble`: why the limits could not
    be written to it. `slice_name`: the name for an engine whose groups are systemd's.
    """

    parent: str | None = None
    version: str = ""
    is_shared: bool = False
    trouble: str | None = None
    slice_name: str | None = None


@dataclass(frozen=True, slots=True)
class LimitRule:
    """What holds for the containers of one component.

    `cgroup_parent`: HostConfig.CgroupParent of every container that brings none of its own.
    `memory_bytes`, `nano_cpus`: the most that one container by itself may have: every container
    when `enforcement` is EACH; when it is GROUP, those that brought a parent of their own.
    `trouble`: why the limits are not enforced, or not for the containers together; None when
    all is well.
    """

    cgroup_parent: str | None = None
    memory_bytes: int | None = None
    nano_cpus: int | None = None
    enforcement: Enforcement = Enforcement.NONE
    trouble: str | None = None


NO_LIMITS = LimitRule()


@dataclass(frozen=True, slots=True)
class AskedLimits:
    """What a client asks for in a HostConfig or an update; 0 or empty: nothing."""

    cgroup_parent: str = ""
    memory_bytes: int = 0
    memory_reservation_bytes: int = 0
    nano_cpus: int = 0
    cpu_quota_us: int = 0
    cpu_period_us: int = 0


def decide_rule(wanted: WantedLimits, engine: EngineInfo, group: GroupFacts) -> LimitRule:
    """How `wanted` is put on containers of this engine.

    A shared group is used without limits too: limits that are set later hold at once then.
    """
    obstacle = _obstacle(engine, group)
    if obstacle is None and group.trouble is None:
        enforcement = Enforcement.NONE if wanted == UNLIMITED else Enforcement.GROUP
        memory, cpus, _ = _each(wanted, engine)
        return LimitRule(group.parent, memory, cpus, enforcement)
    parent = _parent_without_limits(engine, group, obstacle)
    if wanted == UNLIMITED:
        return LimitRule(parent)
    memory, cpus, missing = _each(wanted, engine)
    if memory is None and cpus is None and missing:
        text = f"limits are not enforced on containers: {', '.join(missing)}"
        return LimitRule(parent, trouble=text)
    reason = obstacle or f"the limits of the containers' control group: {group.trouble}"
    text = f"limits hold for each container by itself: {reason}"
    if missing:
        text = f"{text}; not enforced: {', '.join(missing)}"
    return LimitRule(parent, memory, cpus, Enforcement.EACH, text)


def _obstacle(engine: EngineInfo, group: GroupFacts) -> str | None:
    """Why one group can't hold the containers together."""
    own = engine.cgroup_version or "1"
    reasons = (
        (engine.is_podman, "Podman makes its own control groups"),
        (engine.is_rootless, "the engine is rootless"),
        (not group.is_shared, "the engine does not share this machine's control groups"),
        (engine.cgroup_driver == "systemd", "the engine's control groups are systemd's"),
        (engine.cgroup_driver not in ("cgroupfs", "systemd"), "the engine has no control groups"),
        (group.parent is None, "the core can make no control groups"),
        (group.version != own, f"the engine uses version {own} of the control groups"),
    )
    return next((text for is_so, text in reasons if is_so), None)


def _parent_without_limits(
    engine: EngineInfo, group: GroupFacts, obstacle: str | None
) -> str | None:
    """Where containers go although the limits can't be set there, so that they are together."""
    if obstacle is None:
        return group.parent
    is_plain = not engine.is_podman and not engine.is_rootless and group.is_shared
    return group.slice_name if is_plain and engine.cgroup_driver == "systemd" else None


def _each(
    wanted: WantedLimits, engine: EngineInfo
) -> tuple[int | None, int | None, tuple[str, ...]]:
    """Memory and CPUs for one container, as the engine takes them, and what it can't enforce."""
    memory, cpus = wanted.memory_bytes, wanted.nano_cpus
    missing: list[str] = []
    has_groups = engine.cgroup_driver not in ("none", "")
    if memory is not None:
        if has_groups and engine.limits_memory:
            memory = max(memory, LEAST_MEMORY_BYTES)
        else:
            memory = None
            missing.append("the engine can't limit memory")
    if cpus is not None:
        version = read_version(engine.api_version) or (0, 0)
        if not (has_groups and engine.limits_cpus) or version < _NANO_CPUS_SINCE:
            cpus = None
            missing.append("the engine can't limit CPUs")
        elif engine.cpus and cpus >= engine.cpus * NANO:
            cpus = None  # the engine refuses more than there are
        else:
            cpus = max(cpus, _LEAST_NANO_CPUS)
    return memory, cpus, tuple(missing)


def read_asked(members: Mapping[str, object]) -> AskedLimits:
    """From a HostConfig, or the body of POST /containers/ID/update, with canonical names."""

    def number(name: str) -> int:
        value = members.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    parent = members.get("CgroupParent")
    return AskedLimits(
        cgroup_parent=parent if isinstance(parent, str) else "",
        memory_bytes=number("Memory"),
        memory_reservation_bytes=number("MemoryReservation"),
        nano_cpus=number("NanoCpus"),
        cpu_quota_us=number("CpuQuota"),
        cpu_period_us=number("CpuPeriod"),
    )


def members_for_create(rule: LimitRule, asked: AskedLimits) -> dict[str, int | str]:
    """The members of HostConfig to set. A client's own parent and smaller limits stay; but not a
    parent among the cores' groups, where it would use up what is another component's."""
    members: dict[str, int | str] = {}
    parent = asked.cgroup_parent
    if rule.cgroup_parent and (not parent or _is_of_a_core(parent)):
        parent = rule.cgroup_parent
        members["CgroupParent"] = parent
    if not is_in_group(rule, parent):
        members.update(_memory(rule.memory_bytes, asked))
        members.update(_cpus(rule.nano_cpus, asked))
    return members


def members_for_client_update(
    rule: LimitRule, asked: AskedLimits, cgroup_parent: str
) -> dict[str, int | str]:
    """What to change in a client's `docker update` of a container whose parent is
    `cgroup_parent`: it must not get more than the rule gives. What it doesn't name stays."""
    if is_in_group(rule, cgroup_parent):
        return {}
    members: dict[str, int | str] = {}
    if asked.memory_bytes:
        members.update(_memory(rule.memory_bytes, asked))
    if asked.nano_cpus or asked.cpu_quota_us or asked.cpu_period_us:
        members.update(_cpus(rule.nano_cpus, asked))
    return members


def members_for_change(
    old: LimitRule, new: LimitRule, now: AskedLimits, engine: EngineInfo
) -> dict[str, int | str]:
    """The body of an update for a container that runs with `now` when the rule changes.

    Lowers what is above the new rule, and raises what the old one had lowered; a container's own
    smaller limits stay. Empty: nothing to do.
    """
    before, after = _caps(old, now), _caps(new, now)
    members: dict[str, int | str] = {}
    members.update(_memory(after.memory_bytes, now))
    if _is_raised(now.memory_bytes, before.memory_bytes, after.memory_bytes):
        members["Memory"] = after.memory_bytes or _NO_LIMIT_BYTES
    if "Memory" in members:
        # The engine refuses a limit above the one of memory and swap; as at creation, twice.
        members["MemorySwap"] = int(members["Memory"]) * 2
    members.update(_cpus(after.nano_cpus, now))
    if _is_raised(now.nano_cpus, before.nano_cpus, after.nano_cpus):
        cpus = after.nano_cpus or engine.cpus * NANO
        if cpus:
            members["NanoCpus"] = cpus
    return members


def is_in_group(rule: LimitRule, cgroup_parent: str) -> bool:
    """Whether the group's limits hold for a container with that parent."""
    return rule.enforcement is not Enforcement.EACH and cgroup_parent == rule.cgroup_parent


def _is_of_a_core(parent: str) -> bool:
    """Whether a path leads to groups that a core made, whatever way it takes."""
    first = posixpath.normpath(f"/{parent}").lstrip("/").partition("/")[0]
    return first == _CORES_GROUPS or first.startswith(f"{_CORES_GROUPS}-")


def _caps(rule: LimitRule, now: AskedLimits) -> WantedLimits:
    if is_in_group(rule, now.cgroup_parent):
        return UNLIMITED
    return WantedLimits(rule.memory_bytes, rule.nano_cpus)


def _is_raised(now: int, before: int | None, after: int | None) -> bool:
    return before is not None and now == before and (after is None or after > before)


def _memory(most: int | None, asked: AskedLimits) -> dict[str, int | str]:
    if most is None:
        return {}
    members: dict[str, int | str] = {}
    if not 0 < asked.memory_bytes <= most:
        members["Memory"] = most
    # The engine refuses a reservation above the limit.
    if asked.memory_reservation_bytes > most:
        members["MemoryReservation"] = most
    return members


def _cpus(most: int | None, asked: AskedLimits) -> dict[str, int | str]:
    """The engine refuses NanoCpus beside a quota or a period."""
    if most is None:
        return {}
    if asked.cpu_quota_us <= 0 and asked.cpu_period_us <= 0:
        return {} if 0 < asked.nano_cpus <= most else {"NanoCpus": most}
    period = asked.cpu_period_us if asked.cpu_period_us > 0 else _DEFAULT_PERIOD_US
    quota = max(_LEAST_QUOTA_US, math.floor(period * most / NANO))
    return {} if 0 < asked.cpu_quota_us <= quota else {"CpuQuota": quota}
