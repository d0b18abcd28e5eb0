"""Tells the event loop that a child has ended, without collecting it.

By a pidfd where the kernel has one (Linux 5.3); else by a thread for each child that waits without
taking the exit status, since devices in the field run older kernels.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable


def watch_exit(pid: int, ended: Callable[[], None], *, by_thread: bool = False) -> None:
    """Have the running loop call `ended` once, as soon as child `pid` has ended.

    The child has to stay uncollected until then. `by_thread` is for tests.
    """
    loop = asyncio.get_running_loop()
    descriptor = None if by_thread else _pidfd(pid)
    if descriptor is None:
        threading.Thread(
            target=_wait, args=(pid, loop, ended), name=f"exit of {pid}", daemon=True
        ).start()
        return

    def readable() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        ended()

    loop.add_reader(descriptor, readable)


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # an old kernel, or one whose sandbox forbids it
        return None


def _wait(pid: int, loop: asyncio.AbstractEventLoop, ended: Callable[[], None]) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    with contextlib.suppress(RuntimeError):  # the loop has ended before the child
        loop.call_soon_threadsafe(ended)
