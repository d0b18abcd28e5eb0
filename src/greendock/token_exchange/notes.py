"""Log lines about callers that may repeat many times a second: each once a minute."""

from __future__ import annotations

import logging

from greendock.base.clock import Clock

_log = logging.getLogger("greendock.token_exchange")
_EVERY_S = 60.0
_MOST = 256


class Notes:
    """Say what callers do wrong."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: dict[str, float] = {}

    def warn(self, text: str) -> None:
        now = self._clock.monotonic()
        said = self._said.get(text)
        if said is not None and now - said < _EVERY_S:
            return
        if len(self._said) >= _MOST:
            self._said.clear()
        self._said[text] = now
        _log.warning("%s", text)
