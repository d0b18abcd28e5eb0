"""What the kernel tells of processes: parents, sessions, marks, children.

Reads /proc, changes nothing. process_tree.py and orphans.py decide what to do with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """One line of /proc/PID/stat. `started` is in clock ticks since boot: pid + started is one
    process for ever."""

    pid: int
    parent: int
    session: int
    started: int
    state: str

    @property
    def zombie(self) -> bool:
        return self.state in ("Z", "X")

    @property
    def stopped(self) -> bool:
        """By a signal, or by who traces it."""
        return self.state in ("T", "t")

    @property
    def in_kernel(self) -> bool:
        """Waits there for a device, or for a child that has not begun its program yet."""
        return self.state == "D"


def read_process(pid: int) -> ProcessInfo | None:
    """The process `pid`; None when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # The command name may hold blanks and brackets: only what follows the last one counts.
    fields = text.rpartition(")")[2].split()
    return ProcessInfo(pid, int(fields[1]), int(fields[3]), int(fields[19]), fields[0])


def all_processes() -> dict[int, ProcessInfo]:
    pids = (int(name) for name in os.listdir("/proc") if name.isdecimal())  # noqa: PTH208
    found = (read_process(pid) for pid in pids)
    return {process.pid: process for process in found if process is not None}


def descent(roots: Iterable[int], processes: Mapping[int, ProcessInfo]) -> frozenset[int]:
    """`roots` and all their descendants."""
    children: dict[int, list[int]] = {}
    for process in processes.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: set[int] = set()
    waiting = [pid for pid in roots if pid in processes]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, ())
    return frozenset(found)


def own_line(processes: Mapping[int, ProcessInfo]) -> frozenset[int]:
    """The core and its ancestors: never to be signalled, whatever they carry."""
    line: set[int] = set()
    pid = os.getpid()
    while pid in processes and pid not in line:
        line.add(pid)
        pid = processes[pid].parent
    return frozenset(line)


def is_alive(process: ProcessInfo) -> bool:
    """Whether this very process still runs; a later one of the same pid doesn't count."""
    now = read_process(process.pid)
    return now is not None and not now.zombie and now.started == process.started


def own_children() -> list[int]:
    """The core's children, adopted ones and zombies included."""
    try:
        threads = os.listdir("/proc/self/task")  # noqa: PTH208
        texts = (Path(f"/proc/self/task/{t}/children").read_text() for t in threads)
        return [int(pid) for text in texts for pid in text.split()]
    except OSError:
        own = os.getpid()
        return [process.pid for process in all_processes().values() if process.parent == own]


def has_variable(pid: int, start: bytes) -> bool:
    """Whether the environment that `pid` began with has a variable that begins with `start`."""
    try:
        block = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return block.startswith(start) or b"\0" + start in block
