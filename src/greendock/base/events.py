"""One way news travels up: typed events on one bus, delivered within the publishing call.

Publishers do not know who listens. A listener is a plain function that must not block; who needs
to wait keeps a bounded queue of its own, so that a slow listener never slows the core.
"""

from __future__ import annotations

import logging
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

    def publish(self, event: object) -> None:
        """Deliver `event`. A listener that fails is logged and does not harm the others."""
        for listener in tuple(self._listeners.get(type(event), ())):
            try:
                listener(event)
            except Exception:
                _log.exception("a listener failed on %s", type(event).__name__)
