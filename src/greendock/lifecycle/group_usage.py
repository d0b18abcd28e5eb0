"""What a control group says that its processes have used; reads the kernel's files.

Memory is without the file cache that the kernel can take back at once, as docker shows it. Called
for the groups of processes and of containers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class GroupUsage:
    """`cpu_s`: seconds of one CPU since the group was made. `memory_bytes` None: not counted."""

    cpu_s: float
    memory_bytes: int | None


def read_v1_usage(cpuacct: Path | None, memory: Path | None) -> GroupUsage | None:
    """None where no such group is there."""
    used = _number(cpuacct / "cpuacct.usage") if cpuacct is not None else None
    held = _memory(memory, "memory.usage_in_bytes", "total_inactive_file")
    if used is None and held is None:
        return None
    return GroupUsage((used or 0) / 1e9, held)


def read_v2_usage(folder: Path) -> GroupUsage | None:
    """None where no such group is there."""
    used = _fields(folder / "cpu.stat").get("usage_usec")
    if used is None:
        return None
    return GroupUsage(used / 1e6, _memory(folder, "memory.current", "inactive_file"))


def _memory(folder: Path | None, name: str, cache: str) -> int | None:
    if folder is None:
        return None
    held = _number(folder / name)
    if held is None:
        return None
    return max(0, held - _fields(folder / "memory.stat").get(cache, 0))


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _fields(path: Path) -> dict[str, int]:
    """Lines of a name and a number."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split() for line in lines)
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}
