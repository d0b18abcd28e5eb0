"""Holds all processes of one component still, and lets them go on.

By the freezer of its control group, of which processes notice nothing; where there is none, by
SIGSTOP and SIGCONT. Knows nothing of containers, whose processes are the engine's. Called by
pausing.py.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time

from greendock.base.errors import LifecycleError
from greendock.lifecycle.cgroups import ControlGroup
from greendock.lifecycle.process_tree import ProcessTree, send_signal
from greendock.lifecycle.procfs import ProcessInfo

_log = logging.getLogger("greendock.lifecycle.processes")

_DEADLINE_S = 5.0
_PAUSE_S = 0.005
_QUIET_ROUNDS = 2


class Standstill:
    """Of the processes of `tree`; `end` may be called at any time."""

    def __init__(self, tree: ProcessTree, deadline_s: float = _DEADLINE_S) -> None:
        self._tree = tree
        self._deadline_s = deadline_s
        self._frozen: ControlGroup | None = None
        self._stopped: list[ProcessInfo] = []

    async def begin(self) -> None:
        """Return when everything stands still. Raises LifecycleError; all go on then."""
        try:
            if not await self._freeze():
                await self._stop()
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Have everything go on that was held."""
        frozen, self._frozen = self._frozen, None
        if frozen is not None:
            frozen.thaw()
        # Children first: a shell that goes on has to find what it waits for running.
        stopped, self._stopped = self._stopped, []
        for process in reversed(stopped):
            send_signal(process, signal.SIGCONT)

    async def _freeze(self) -> bool:
        """False where the group can't do it, as v2 of Linux before 5.2."""
        group = self._tree.group
        if group is None or not group.members():
            return False
        deadline = time.monotonic() + self._deadline_s
        while True:
            try:
                group.freeze()
            except OSError as error:
                _log.debug("no freezer for %s: %s", self._tree.component, error.strerror)
                return False
            self._frozen = group
            if group.is_frozen:
                return True
            await self._wait(deadline)

    async def _stop(self) -> None:
        """SIGSTOP to each, round by round: one that was not held yet may have forked.

        A newcomer can be missed by one look at /proc, not by two. What waits in the kernel stops
        before it does anything else: a shell may wait there for a child that is held already.
        """
        deadline = time.monotonic() + self._deadline_s
        told: set[tuple[int, int]] = set()
        quiet = 0
        while quiet < _QUIET_ROUNDS:
            alive = self._tree.members().values()
            moving = [p for p in alive if not (p.stopped or (p.in_kernel and _key(p) in told))]
            quiet = 0 if moving else quiet + 1
            for process in sorted(moving, key=lambda p: p.pid):
                send_signal(process, signal.SIGSTOP)
                if _key(process) not in told:
                    told.add(_key(process))
                    self._stopped.append(process)
            if moving:
                await self._wait(deadline)

    async def _wait(self, deadline: float) -> None:
        if time.monotonic() >= deadline:
            raise LifecycleError(
                f"cannot pause {self._tree.component}: its processes did not stand still within "
                f"{self._deadline_s:g} s",
                hint="a process that waits for a disk or a device can't be held; try again",
            )
        await asyncio.sleep(_PAUSE_S)


def _key(process: ProcessInfo) -> tuple[int, int]:
    return process.pid, process.started
