"""Named places where a test can have the process die as if by `kill -9`.

`GREENDOCK_CRASH_AT=name` or `name:3` (the third time it is reached). Without the variable a place
costs one look into an empty dictionary. Called by code whose order of steps has to survive a
crash.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "GREENDOCK_CRASH_AT"


def _armed(text: str) -> dict[str, int]:
    name, _, count = text.partition(":")
    return {name: int(count or 1)} if name else {}


_left = _armed(os.environ.get(VARIABLE, ""))


def crash_point(name: str) -> None:
    """Die here, when a test armed `name`. Names are `part.moment`, such as `gateway.forwarded`."""
    if not _left:
        return
    left = _left.get(name)
    if left is None:
        return
    _left[name] = left - 1
    if left <= 1:
        os.kill(os.getpid(), signal.SIGKILL)
