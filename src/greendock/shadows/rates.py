"""How many requests in a second: for each thing, and for all of them together.

Each limit is a bucket that holds one second's requests and fills evenly. Who calls gives the time.
"""

from __future__ import annotations

from greendock.shadows.errors import TooManyRequests

_MOST_BUCKETS = 1024


class Rates:
    """One per service. A request that is refused counts for none of the limits."""

    def __init__(self) -> None:
        self._total = _Bucket()
        self._things: dict[str, _Bucket] = {}

    def take(self, thing: str, now_s: float, per_thing: float, in_total: float) -> None:
        """Raises TooManyRequests. `now_s`: on a clock that never jumps."""
        # First, so that names which nobody has room for are not remembered.
        if not self._total.has_one(now_s, in_total):
            raise TooManyRequests("Too Many Requests")
        bucket = self._things.get(thing)
        if bucket is None:
            self._forget_idle(now_s)
            bucket = self._things[thing] = _Bucket()
        if not bucket.has_one(now_s, per_thing):
            raise TooManyRequests("Too Many Requests")
        bucket.take_one()
        self._total.take_one()

    def _forget_idle(self, now_s: float) -> None:
        """A bucket that nobody used for a second is as good as a new one."""
        if len(self._things) >= _MOST_BUCKETS:
            self._things = {
                name: bucket
                for name, bucket in self._things.items()
                if now_s - bucket.filled_at_s < 1
            }


class _Bucket:
    """`used`: how much of a second's requests is taken."""

    def __init__(self) -> None:
        self._used = 0.0
        self.filled_at_s = 0.0

    def has_one(self, now_s: float, rate: float) -> bool:
        self._used = max(0.0, self._used - (now_s - self.filled_at_s) * rate)
        self.filled_at_s = now_s
        return self._used + 1 <= max(rate, 1)

    def take_one(self) -> None:
        self._used += 1
