"""Sums of what components of the system measure, per minute, in memory.

Bounded: a component that invents names loses its own, not those of others before it. Written by
`PutComponentMetric`; read through `sums`.
"""

from __future__ import annotations

import logging
import math
import sys
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from greendock.base.clock import Clock

_log = logging.getLogger("greendock.ipc")

MOST_SUMS = 10_000
MINUTES_KEPT = 60
LONGEST_NAME_BYTES = 32


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a component has measured. Raises ValueError for what is no measurement."""

    name: str
    unit: str
    value: float

    def __post_init__(self) -> None:
        if not 1 <= len(self.name.encode("utf-8", "surrogatepass")) <= LONGEST_NAME_BYTES:
            raise ValueError(f"the name has to have 1 to {LONGEST_NAME_BYTES} bytes")
        try:
            is_number = math.isfinite(self.value)
        except OverflowError:
            is_number = False
        if not is_number or self.value < 0:
            raise ValueError("the value has to be a number that is not negative")


@dataclass(frozen=True, slots=True)
class Sum:
    """`minute` is its begin, in seconds since the epoch; `namespace` the component."""

    minute: int
    namespace: str
    name: str
    unit: str
    value: float


class ComponentMetrics:
    """All sums of the last hour, oldest first."""

    def __init__(self, clock: Clock, most: int = MOST_SUMS) -> None:
        self._clock = clock
        self._most = most
        self._sums: OrderedDict[tuple[int, str, str, str], float] = OrderedDict()
        self._is_full = False

    def add(self, namespace: str, measurements: Iterable[Measurement]) -> None:
        minute = int(self._clock.now() // 60) * 60
        self._drop_but(minute - (MINUTES_KEPT - 1) * 60, minute + 60)
        for one in measurements:
            key = (minute, namespace, one.name, one.unit)
            if key not in self._sums and len(self._sums) >= self._most:
                self._note_full(namespace)
                continue
            total = self._sums.get(key, 0.0) + float(one.value)
            self._sums[key] = min(total, sys.float_info.max)

    def sums(self) -> list[Sum]:
        return [Sum(*key, value) for key, value in self._sums.items()]

    def _drop_but(self, first: int, last: int) -> None:
        """Keep those minutes. What a clock that was put back has left in the future would never
        go."""
        if self._sums and (
            next(iter(self._sums))[0] < first or next(reversed(self._sums))[0] > last
        ):
            kept = {key: total for key, total in self._sums.items() if first <= key[0] <= last}
            self._sums = OrderedDict(kept)
            self._is_full = False

    def _note_full(self, namespace: str) -> None:
        if not self._is_full:
            _log.warning("metrics of %s are left out: %d are kept", namespace, self._most)
        self._is_full = True
