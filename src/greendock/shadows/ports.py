"""What shadows need from outside: somebody who tells others, and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from greendock.shadows.document import DEFAULT_STATE_BYTES


class Publisher(Protocol):
    """Local publish/subscribe."""

    def publish(self, publisher: str, topic: str, message: Mapping[str, Any]) -> int:
        """Tell `topic`'s subscribers; how many there were. `message`: an object with one member,
        `binaryMessage`."""


@dataclass(frozen=True, slots=True)
class ShadowLimits:
    """Bytes of one shadow's state; requests in a second, for one thing and in total."""

    state_bytes: int = DEFAULT_STATE_BYTES
    requests_per_thing: float = 20
    requests_in_total: float = 200
