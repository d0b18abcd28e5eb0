"""Where this machine's control groups are, read from the text of the kernel's own lists.

Pure. cgroups.py passes in /proc/self/mountinfo and /proc/self/cgroup.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from greendock.lifecycle.model import ResourceLimits

CPU_PERIOD_US = 100_000
_LEAST_QUOTA_US = 1000


@dataclass(frozen=True, slots=True)
class Hierarchies:
    """Folders in which a core may make its groups: one of v2, one per v1 controller. `are_tops`:
    they are the tops of the mounts, so that paths below them are the kernel's and the engine's."""

    v2: Path | None = None
    v1: Mapping[str, Path] = field(default_factory=dict)
    are_tops: bool = False


def read_hierarchies(mountinfo: str, own_groups: str, *, at_top: bool) -> Hierarchies:
    """The writable mounts; below this process's own group unless `at_top` (a core of root)."""
    own = _own_groups(own_groups)
    v2: Path | None = None
    v1: dict[str, Path] = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        places, kind = before.split(), after.split()
        if len(places) < 6 or len(kind) < 3 or "rw" not in places[5].split(","):
            continue
        mount = Path(places[4])
        if kind[0] == "cgroup2" and v2 is None:
            v2 = mount if at_top else _below(mount, places[3], own.get("", "/"))
        elif kind[0] == "cgroup":
            for controller in kind[2].split(","):
                if controller in own:
                    group = own[controller]
                    v1[controller] = mount if at_top else _below(mount, places[3], group)
    return Hierarchies(v2, v1, are_tops=at_top)


def _own_groups(text: str) -> dict[str, str]:
    groups: dict[str, str] = {}
    for line in text.splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        for controller in controllers.split(","):
            groups[controller] = path
    return groups


def _below(mount: Path, shown: str, group: str) -> Path:
    """The folder of `group` in a mount that shows the hierarchy from `shown` on."""
    if shown != "/" and (group == shown or group.startswith(f"{shown}/")):
        group = group.removeprefix(shown)
    return mount / group.lstrip("/")


def v2_values(limits: ResourceLimits) -> dict[str, str]:
    """Interface file to value, for v2. No limit is `max`."""
    memory = _bytes(limits)
    quota = _quota(limits)
    return {
        "memory.max": "max" if memory is None else str(memory),
        "cpu.max": f"{'max' if quota is None else quota} {CPU_PERIOD_US}",
    }


def v1_values(limits: ResourceLimits) -> dict[tuple[str, str], str]:
    """(controller, interface file) to value, for v1. No limit is -1."""
    memory = _bytes(limits)
    quota = _quota(limits)
    return {
        ("memory", "memory.limit_in_bytes"): "-1" if memory is None else str(memory),
        ("cpu", "cpu.cfs_quota_us"): "-1" if quota is None else str(quota),
    }


def _bytes(limits: ResourceLimits) -> int | None:
    if limits.memory_kb is None or limits.memory_kb <= 0:
        return None
    return limits.memory_kb * 1024


def _quota(limits: ResourceLimits) -> int | None:
    if limits.cpus is None or not math.isfinite(limits.cpus) or limits.cpus <= 0:
        return None
    return max(_LEAST_QUOTA_US, int(limits.cpus * CPU_PERIOD_US))
