"""Lines on stderr about bytes that take a while; short work stays silent."""

from __future__ import annotations

import time
from collections.abc import Callable

from greendock.cli.output import warn
from greendock.cli.progress_state import size_text

_INTERVAL_S = 2.0


class ByteProgress:
    """`what`: "writing the images". `total` None when nobody knows it."""

    def __init__(
        self, what: str, total: int | None = None, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._total = total
        self._now_s = now_s
        self._done = 0
        self._next_s = now_s() + _INTERVAL_S

    def add(self, count: int) -> None:
        """`count` more bytes are done; a line at most every two seconds."""
        self._done += count
        now_s = self._now_s()
        if now_s < self._next_s:
            return
        self._next_s = now_s + _INTERVAL_S
        amount = size_text(self._done)
        if self._total is not None:
            amount += f" of {size_text(self._total)}"
        warn(f"{self._what}: {amount}")
