"""One way news travels up: typed events on one bus, delivered within the publishing call.

Publishers do not know who listens. A listener is a plain function that must not block; who needs
to wait takes a `Feed`, a bounded queue of its own: when it is full the oldest event goes and is
counted, so that a slow listener never slows the core.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

Listener = Callable[[Any], None]

_log = logging.getLogger("greendock.events")


class Bus:
    """Delivers each event to the listeners of its type, in the order of subscription."""

    def __init__(self) -> None:
        self._listeners: dict[type, list[Listener]] = {}

    def listen(self, listener: Listener, *types: type) -> Callable[[], None]:
        """Call `listener` for every event of `types`; the returned function ends that."""
        for event_type in types:
            self._listeners.setdefault(event_type, []).append(listener)

        def end() -> None:
            for event_type in types:
                listeners = self._listeners.get(event_type, [])
                if listener in listeners:
                    listeners.remove(listener)

        return end

    def feed(self, *types: type, limit: int = 1000) -> Feed:
        """A queue of the events of `types` from now on; close it after use."""
        feed = Feed(limit)
        feed.on_close = self.listen(feed.put, *types)
        return feed

    def publish(self, event: object) -> None:
        """Deliver `event`. A listener that fails is logged and does not harm the others."""
        for listener in tuple(self._listeners.get(type(event), ())):
            try:
                listener(event)
            except Exception:
                _log.exception("a listener failed on %s", type(event).__name__)


class Feed:
    """A bounded queue of events; iterate it with `async for`, close it when done."""

    def __init__(self, limit: int) -> None:
        self._events: deque[Any] = deque(maxlen=limit)
        self._arrived = asyncio.Event()
        self._closed = False
        self.dropped = 0
        self.on_close: Callable[[], None] | None = None

    def put(self, event: object) -> None:
        if len(self._events) == self._events.maxlen:
            self.dropped += 1
        self._events.append(event)
        self._arrived.set()

    async def next(self) -> Any:
        """The next event; raises StopAsyncIteration once closed and empty."""
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()

    def close(self) -> None:
        self._closed = True
        self._arrived.set()
        if self.on_close is not None:
            self.on_close()
            self.on_close = None

    def __aiter__(self) -> Feed:
        return self

    async def __anext__(self) -> Any:
        return await self.next()
