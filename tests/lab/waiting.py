"""Waiting for a condition with a deadline: the only way in which tests wait."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

_PAUSE_S = 0.02


def wait_until(
    condition: Callable[[], object],
    what: str | Callable[[], str],
    timeout_s: float = 20,
    pause_s: float = _PAUSE_S,
) -> None:
    """Return when `condition` is true; an OSError counts as not yet.

    After `timeout_s` an AssertionError says `what` didn't happen; a callable is asked for the
    text then, so that it can describe the state at the end.
    """
    end = time.monotonic() + timeout_s
    while True:
        with contextlib.suppress(OSError):
            if condition():
                return
        if time.monotonic() > end:
            text = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {timeout_s:g} s: {text}")
        time.sleep(pause_s)
