"""Orphans of components: the core adopts them (subreaper), and buries them when they end.

Never waits for "any child": an exit status that somebody else is going to collect stays there.
process.py registers what it starts; the supervisor calls `reap_orphans` now and then.
"""

from __future__ import annotations

import contextlib
import ctypes
import os

from greendock.lifecycle.procfs import ProcessInfo, own_children, read_process

_PR_SET_CHILD_SUBREAPER = 36

expected: set[int] = set()
"""Pids of started processes whose exit status process.py is going to collect."""


def become_subreaper() -> bool:
    """Have orphans of the core's descendants come to the core instead of to init."""
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) == 0


def reap_orphans() -> int:
    """Bury adopted children that have ended. Gives back how many.

    Only children in a session other than the core's: those that the core started itself
    (registered in `expected`, or by other code without a session of its own) have their own
    waiters.
    """
    own_session = os.getsid(0)
    buried = 0
    for pid in own_children():
        process = read_process(pid)
        if process is None or not process.zombie or process.session == own_session:
            continue
        if pid in expected:
            continue
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG)
            buried += 1
    return buried


def foreign_children() -> list[ProcessInfo]:
    """Living children of the core in another session: components' processes, adopted or not."""
    own_session = os.getsid(0)
    found = (read_process(pid) for pid in own_children())
    return [p for p in found if p is not None and not p.zombie and p.session != own_session]
