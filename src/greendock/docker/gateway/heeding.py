"""The one who heeds an answer, held at a distance: what it raises is logged and ends it there.

The client gets its answer whatever becomes of the one who looks at it. Called by the relay.
"""

from __future__ import annotations

import logging

from greendock.docker.gateway.bodies import Take
from greendock.docker.gateway.exchange import AnswerHead, Heed

_log = logging.getLogger("greendock.docker")


class Heeding:
    """Calls a Heed, or nobody. `ended` is called once, whether anything began or not."""

    def __init__(self, heed: Heed | None) -> None:
        self._heed = heed
        self._works = heed is not None
        self._has_ended = heed is None

    @property
    def take(self) -> Take | None:
        """What gets the content; None when nobody wants it."""
        return self._passes if self._works else None

    def begins(self, head: AnswerHead) -> None:
        if self._heed is None or not self._works:
            return
        try:
            self._heed.begins(head)
        except Exception:
            self._give_up()

    async def ended(self) -> None:
        if self._heed is None or self._has_ended:
            return
        self._has_ended = True
        try:
            await self._heed.ended()
        except Exception:
            self._give_up()

    def _passes(self, piece: bytes) -> None:
        if self._heed is None or not self._works:
            return
        try:
            self._heed.passes(piece)
        except Exception:
            self._give_up()

    def _give_up(self) -> None:
        self._works = False
        _log.exception("what heeds an answer of the Docker engine failed")
