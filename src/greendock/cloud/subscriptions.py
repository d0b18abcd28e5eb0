"""Who of the core's own subscribers gets a message, and what is subscribed at the broker for them;
pure.

Subscribers with the same filter share one subscription. A broker may send a message once for each
filter that matches, or once for all; where it marks messages with the numbers of our SUBSCRIBE
requests, both come to one message per subscriber. Retained messages, which the broker sends again
for each SUBSCRIBE, go only to the subscriber who caused it. Without such marks topics decide.
Called by mqtt.py.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from greendock.cloud.topics import matches
from greendock.net.mqtt import MqttMessage

_MAX_NUMBER = 268_435_455
_KEPT_NUMBERS = 64


@dataclass(eq=False, slots=True)
class Subscriber:
    deliver: Callable[[MqttMessage], None]
    qos: int


@dataclass(eq=False, slots=True)
class SharedFilter:
    """One filter. `numbers`: of the requests for it, the last one last; `epoch`: the connection on
    which it was subscribed last, 0 for none; `turn`: requests for it go one by one."""

    text: str
    subscribers: list[Subscriber] = field(default_factory=list)
    numbers: deque[int] = field(default_factory=deque)
    qos: int = 0
    epoch: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def wanted_qos(self) -> int:
        return max((each.qos for each in self.subscribers), default=0)


class Subscriptions:
    """All filters of one client."""

    def __init__(self) -> None:
        self._filters: dict[str, SharedFilter] = {}
        self._marks: dict[int, tuple[SharedFilter, Subscriber | None]] = {}
        self._last_number = 0

    def __iter__(self) -> Iterator[SharedFilter]:
        return iter(tuple(self._filters.values()))

    def join(self, topic_filter: str, subscriber: Subscriber) -> SharedFilter:
        shared = self._filters.setdefault(topic_filter, SharedFilter(topic_filter))
        shared.subscribers.append(subscriber)
        return shared

    def leave(self, shared: SharedFilter, subscriber: Subscriber) -> bool:
        """Whether it was the last one. May be repeated."""
        if subscriber not in shared.subscribers:
            return False
        shared.subscribers.remove(subscriber)
        return not shared.subscribers

    def forget(self, shared: SharedFilter) -> None:
        """The broker has been told that nobody wants the filter; unless somebody came since."""
        if shared.subscribers or self._filters.get(shared.text) is not shared:
            return
        del self._filters[shared.text]
        for number in shared.numbers:
            self._marks.pop(number, None)

    def number(self, shared: SharedFilter, subscriber: Subscriber) -> int:
        """The number for a request for `subscriber`; from it on messages can come with it."""
        self._last_number = self._last_number % _MAX_NUMBER + 1
        self._marks[self._last_number] = (shared, subscriber)
        shared.numbers.append(self._last_number)
        # Messages on their way can have an older one.
        if len(shared.numbers) > _KEPT_NUMBERS:
            self._marks.pop(shared.numbers.popleft(), None)
        return self._last_number

    def renumber(self, shared: SharedFilter, subscriber: Subscriber) -> int:
        """The number for a request that repeats the last one, for all; `subscriber`: any."""
        number = shared.numbers[-1] if shared.numbers else self.number(shared, subscriber)
        self._marks[number] = (shared, None)
        return number

    def receivers(self, message: MqttMessage, numbers: Sequence[int]) -> list[Subscriber]:
        """Those who get it, each once. A number that nobody knows is of a filter that was left."""
        found: dict[Subscriber, None] = {}
        for shared, joined in (self._marks[each] for each in numbers if each in self._marks):
            only_joined = message.retain and joined is not None
            wanting = (x for x in shared.subscribers if not only_joined or x is joined)
            found.update(dict.fromkeys(wanting))
        if not numbers:
            for shared in self._filters.values():
                if matches(shared.text, message.topic):
                    found.update(dict.fromkeys(shared.subscribers))
        return list(found)
