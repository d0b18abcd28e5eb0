"""Blocking work of a deployment in a thread that can be told to stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

_CANCEL_GRACE_S = 60.0
"""How long a cancelled thread may take to hear of it: it looks between blocks of a file."""


async def in_thread(work: Callable[[threading.Event], None]) -> None:
    """Run blocking `work`; on cancel it is told and waited for, so that nothing writes later.

    A thread that doesn't hear (a file server that hangs) is left behind: it can't be ended.
    """
    cancelled = threading.Event()
    task = asyncio.ensure_future(asyncio.to_thread(work, cancelled))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        cancelled.set()
        await asyncio.wait([task], timeout=_CANCEL_GRACE_S)
        if task.done() and not task.cancelled():
            task.exception()
        raise
