"""What the processes of components use, by control group where the kernel counts for it, else by
/proc.

Reads only. Called in a thread: there may be many processes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from greendock.lifecycle.cgroups import ControlGroups
from greendock.lifecycle.process_tree import ProcessTree


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """`cpu_s`: seconds of one CPU. `memory_bytes`: resident; shared pages count in each."""

    cpu_s: float
    memory_bytes: int
    processes: int


def component_usage(core_id: str, component: str, groups: ControlGroups) -> ProcessUsage:
    """Of all processes of `component` that are there now."""
    group = groups.group(component)
    pids = ProcessTree(core_id, component, group).members()
    found = processes_usage(pids)
    counted = group.usage() if group is not None else None
    if counted is None:
        return found
    memory = found.memory_bytes if counted.memory_bytes is None else counted.memory_bytes
    return ProcessUsage(counted.cpu_s, memory, found.processes)


def processes_usage(pids: Iterable[int]) -> ProcessUsage:
    """What they and their ended children have used; those that are gone don't count."""
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    ticks = pages = count = 0
    for pid in pids:
        read = _read(pid)
        if read is not None:
            ticks, pages, count = ticks + read[0], pages + read[1], count + 1
    return ProcessUsage(ticks * tick_s, pages * page_bytes, count)


def _read(pid: int) -> tuple[int, int] | None:
    """Clock ticks and resident pages of one process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # As in procfs.py: the command name may hold blanks and brackets.
    fields = text.rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]), int(fields[21])
