"""The processes of the lab: found by where they live, ended without exception.

A container's processes have a network namespace of their own, and after a crash of the engine
they have no parent that belongs to the lab either; their control group still tells.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

from .waiting import wait_until

_PROC = Path("/proc")


def of_lab(control_group: str) -> Callable[[], set[int]]:
    """Finds the processes of the namespace that the caller is in, and of that control group."""
    network = (_PROC / "self" / "ns" / "net").stat().st_ino

    def find() -> set[int]:
        found = {
            pid
            for pid in _all()
            if _network(pid) == network or f"/{control_group}" in _read(pid, "cgroup")
        }
        # What has ended keeps its control group until somebody asks about it: perhaps nobody does.
        return {pid for pid in found | _descendants(found) if alive(pid)} - {os.getpid()}

    return find


def alive(pid: int) -> bool:
    """Whether any thread of the process runs.

    One that has ended and that nobody asked about is dead; its first thread can be so before the
    others, which still hold what they have open.
    """
    with contextlib.suppress(OSError):
        threads = (_PROC / str(pid) / "task").iterdir()
        return any(_state(_read_bytes(pid, f"task/{x.name}/stat")) not in "ZX" for x in threads)
    return False


def mentioning(text: str) -> set[int]:
    """Processes that have `text` in their command line or environment."""
    needle = text.encode()
    return {
        pid
        for pid in _all()
        if needle in _read_bytes(pid, "cmdline") + _read_bytes(pid, "environ")
    } - {os.getpid()}


def of_user(number: int) -> set[int]:
    """Processes of the whole machine whose user has this number."""
    found = set()
    for pid in _all():
        with contextlib.suppress(OSError):
            if (_PROC / str(pid)).stat().st_uid == number and alive(pid):
                found.add(pid)
    return found


def end_all(find: Callable[[], Iterable[int]]) -> None:
    """Kill what `find` finds until it finds nothing more."""

    def none_left() -> bool:
        left = set(find())
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not left

    wait_until(none_left, lambda: f"these processes end: {sorted(find())}")


def _all() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _descendants(pids: set[int]) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid in _all():
        # After the name in brackets, which may hold anything: state, parent.
        fields = _read(pid, "stat").rpartition(")")[2].split()
        if len(fields) > 1:
            children.setdefault(int(fields[1]), []).append(pid)
    found: set[int] = set()
    todo = list(pids)
    while todo:
        for child in children.get(todo.pop(), ()):
            if child not in found:
                found.add(child)
                todo.append(child)
    return found


def _state(stat: bytes) -> str:
    """R, S, D, Z … of a `stat` file; X when it is gone."""
    return stat.rpartition(b")")[2].decode().split(maxsplit=1)[0] if stat else "X"


def _network(pid: int) -> int | None:
    # A zombie has no namespaces any more.
    with contextlib.suppress(OSError):
        return (_PROC / str(pid) / "ns" / "net").stat().st_ino
    return None


def _read(pid: int, name: str) -> str:
    return _read_bytes(pid, name).decode(errors="replace")


def _read_bytes(pid: int, name: str) -> bytes:
    with contextlib.suppress(OSError):
        return (_PROC / str(pid) / name).read_bytes()
    return b""
