"""Every process of one component: finding them, ending them, burying them.

A component's children may fork, daemonise and start sessions. With a control group all of them are
inside it. Without one they are found by their environment's mark, by the sessions that were
started for the component, and by descent: the core is their subreaper, so that orphans come to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Iterable, Mapping

from greendock.lifecycle.cgroups import ControlGroup
from greendock.lifecycle.environment import OWNER_VARIABLE, owner_mark
from greendock.lifecycle.orphans import reap_orphans
from greendock.lifecycle.procfs import (
    ProcessInfo,
    all_processes,
    descent,
    has_variable,
    is_alive,
    own_line,
    read_process,
)

_log = logging.getLogger("greendock.lifecycle.processes")

_KILL_WAIT_S = 5.0
_PAUSES_S = (0.002, 0.005, 0.01, 0.02, 0.05)


class ProcessTree:
    """The processes of one component."""

    def __init__(self, core_id: str, component: str, group: ControlGroup | None) -> None:
        self.component = component
        self.group = group
        self._mark = f"{OWNER_VARIABLE}={owner_mark(core_id, component)}\0".encode()
        self._sessions: dict[int, int] = {}

    def add(self, pid: int) -> None:
        """A process that was started for the component, in a session of its own."""
        process = read_process(pid)
        if process is not None:
            self._sessions[pid] = process.started
        if self.group is None:
            return
        try:
            self.group.attach(pid)
        except OSError as error:
            _log.warning(
                "cannot put a process of %s in its control group: %s", self.component, error
            )
            self.group = None

    def members(self) -> dict[int, ProcessInfo]:
        """The living ones."""
        if self.group is not None:
            found = {pid: read_process(pid) for pid in self.group.members()}
            return {pid: p for pid, p in found.items() if p is not None and not p.zombie}
        processes = all_processes()
        self._forget_sessions(processes)
        roots = {
            pid
            for pid, process in processes.items()
            if process.session in self._sessions or has_variable(pid, self._mark)
        }
        return {
            pid: processes[pid]
            for pid in descent(roots, processes) - own_line(processes)
            if not processes[pid].zombie
        }

    def _forget_sessions(self, processes: Mapping[int, ProcessInfo]) -> None:
        """Sessions without a living process: their number may come to name a stranger's."""
        living = {process.session for process in processes.values()}
        for session, started in tuple(self._sessions.items()):
            leader = processes.get(session)
            if session not in living or (leader is not None and leader.started != started):
                del self._sessions[session]

    def tidy(self) -> None:
        """To be called when a started process has ended."""
        if self.group is None:
            self._forget_sessions(all_processes())

    async def end(self, grace_s: float, first: int | None = None) -> frozenset[int]:
        """SIGTERM to all, SIGKILL to what is left after `grace_s`. Gives back what survived both.

        `first` (the script's shell) gets its signal before the others: a shell that outlives the
        command it waits for goes on to the next line.
        """
        alive = self.members()
        if alive:
            told = _terminate(alive.values(), first)
            alive = await self._await_end(grace_s, told)
        if alive:
            await self._kill()
            alive = await self._await_end(_KILL_WAIT_S, None)
        if alive:
            _log.error("could not stop %s: pids %s", self.component, sorted(alive))
        else:
            self._sessions.clear()
        reap_orphans()
        return frozenset(alive)

    async def _await_end(
        self, limit_s: float, told: set[tuple[int, int]] | None
    ) -> dict[int, ProcessInfo]:
        """What is left when all are gone or `limit_s` has passed.

        A newcomer whose parent is gone has nobody who ends it: it is told as well. One with a
        parent is left alone, since it may be the clean-up command of a trap.
        """
        deadline = time.monotonic() + limit_s
        turn = 0
        while True:
            reap_orphans()
            alive = self.members()
            if not alive or time.monotonic() >= deadline:
                return alive
            if told is not None:
                orphans = [
                    p
                    for p in alive.values()
                    if (p.pid, p.started) not in told and p.parent not in alive
                ]
                told |= _terminate(orphans, None)
            await asyncio.sleep(_PAUSES_S[min(turn, len(_PAUSES_S) - 1)])
            turn += 1

    async def _kill(self) -> None:
        if self.group is not None:
            self.group.kill()
            return
        # Without a group: stop them first, round by round, so that none forks away meanwhile.
        stopped: set[tuple[int, int]] = set()
        for _ in range(20):
            fresh = [p for p in self.members().values() if (p.pid, p.started) not in stopped]
            if not fresh:
                break
            for process in fresh:
                send_signal(process, signal.SIGSTOP)
                stopped.add((process.pid, process.started))
            await asyncio.sleep(0)
        for process in self.members().values():
            send_signal(process, signal.SIGKILL)


def marked_processes(core_id: str) -> list[ProcessInfo]:
    """Living processes that carry the mark of this core, its own line excepted.

    With them what a marked one started, and the sessions that were begun for a component.
    """
    start = f"{OWNER_VARIABLE}={core_id}/".encode()
    processes = all_processes()
    marked = {pid for pid in processes if has_variable(pid, start)}
    kin = {pid for pid, process in processes.items() if process.session in marked}
    own = own_line(processes)
    found = descent((marked | kin) - own, processes) - own
    return [processes[pid] for pid in sorted(found) if not processes[pid].zombie]


async def end_processes(processes: Iterable[ProcessInfo], grace_s: float) -> None:
    """SIGTERM, then SIGKILL after `grace_s`, to exactly these."""
    left = list(processes)
    _terminate(left, None)
    deadline = time.monotonic() + grace_s
    while (left := [p for p in left if is_alive(p)]) and time.monotonic() < deadline:
        reap_orphans()
        await asyncio.sleep(_PAUSES_S[-1])
    for process in left:
        send_signal(process, signal.SIGKILL)


def _terminate(processes: Iterable[ProcessInfo], first: int | None) -> set[tuple[int, int]]:
    ordered = sorted(processes, key=lambda p: (p.pid != first, p.pid))
    for process in ordered:
        send_signal(process, signal.SIGTERM)
    return {(process.pid, process.started) for process in ordered}


def send_signal(process: ProcessInfo, number: signal.Signals) -> None:
    """Send a signal to this very process, never to a later one of the same pid."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    except OSError:
        with contextlib.suppress(OSError):
            os.kill(process.pid, number)
        return
    try:
        if is_alive(process):
            signal.pidfd_send_signal(descriptor, number)
    except OSError as error:
        if not isinstance(error, ProcessLookupError):
            _log.warning("cannot signal pid %d: %s", process.pid, error.strerror)
    finally:
        os.close(descriptor)
