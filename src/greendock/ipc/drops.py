"""Counts the events that slow readers miss, and says so in the core's log.

One line when a component begins to miss events, then at most one every REPORT_EVERY_S with its
count, one with the count when a subscription that missed some ends. Decides nothing: connection.py
says what is left out. One `Drops` per server.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

_log = logging.getLogger("greendock.ipc")

REPORT_EVERY_S = 60.0
MAX_PRINCIPALS = 1000


class Drops:
    """What each component has missed since the core started."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._totals: dict[str, int] = {}
        self._next_line: dict[str, float] = {}

    def total(self, principal: str) -> int:
        return self._totals.get(principal, 0)

    def of(self, principal: str, what: str) -> SubscriptionDrops:
        """The counter of one subscription; `what` names it in the log."""
        return SubscriptionDrops(self, principal, what)

    def _add(self, principal: str, what: str, count: int) -> None:
        if principal not in self._totals and len(self._totals) >= MAX_PRINCIPALS:
            self._totals.clear()
            self._next_line.clear()
        total = self._totals[principal] = self._totals.get(principal, 0) + 1
        now = self._now_s()
        if now < self._next_line.get(principal, 0):
            return
        self._next_line[principal] = now + REPORT_EVERY_S
        _log.warning(
            "%s reads too slowly: events are dropped, %d of %s, %d in all",
            principal,
            count,
            what,
            total,
        )


class SubscriptionDrops:
    """What one subscription has missed."""

    __slots__ = ("_all", "_principal", "_what", "count")

    def __init__(self, everybody: Drops, principal: str, what: str) -> None:
        self._all = everybody
        self._principal = principal
        self._what = what
        self.count = 0

    def add(self) -> None:
        self.count += 1
        self._all._add(self._principal, self._what, self.count)

    def end(self) -> None:
        """The subscription is over."""
        if self.count:
            _log.warning(
                "%s read too slowly: %d events were dropped (%s)",
                self._principal,
                self.count,
                self._what,
            )
            self.count = 0
