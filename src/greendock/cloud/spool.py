"""Messages that wait to be sent, in memory and bounded; pure.

The size counts everything that a message holds, also of messages on their way: they stay here
until the broker has them. Used by outbox.py.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from greendock.cloud.errors import SpoolFull
from greendock.net.mqtt import MqttMessage

_ENTRY_BYTES = 64
"""Roughly what a message costs besides its bytes."""


@dataclass(eq=False, slots=True)
class Entry:
    """A message in the spool. `number`: its place; `tries`: how often sending it failed."""

    message: MqttMessage
    size_bytes: int
    number: int
    tries: int = 0


class Spool:
    """First in, first out."""

    def __init__(self) -> None:
        self._waiting: deque[Entry] = deque()
        self._last_number = 0
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, message: MqttMessage, max_size_bytes: int) -> int:
        """Take `message` in; messages of QoS 0 make room for one of QoS 1. Returns how many were
        dropped for it. Raises SpoolFull."""
        entry = Entry(message, size_of(message), self._last_number + 1)
        dropped = 0
        if message.qos and self.size_bytes + entry.size_bytes > max_size_bytes:
            dropped = self.drop_qos0()
        if self.size_bytes + entry.size_bytes > max_size_bytes:
            raise SpoolFull(
                f"cannot keep the message to {message.topic!r}: the spooler holds "
                f"{self.size_bytes} of {max_size_bytes} bytes",
                hint="mqtt.spooler.maxSizeInBytes of the nucleus is the limit",
            )
        self._last_number = entry.number
        self._waiting.append(entry)
        self.size_bytes += entry.size_bytes
        return dropped

    def take(self) -> Entry | None:
        """The next one to send; it counts until `done`."""
        return self._waiting.popleft() if self._waiting else None

    def put_back(self, entry: Entry) -> None:
        """It waits again, in its old place."""
        place = 0
        while place < len(self._waiting) and self._waiting[place].number < entry.number:
            place += 1
        self._waiting.insert(place, entry)

    def done(self, entry: Entry) -> None:
        """It is sent, or given up."""
        self.size_bytes -= entry.size_bytes

    def drop_qos0(self) -> int:
        """Drop the waiting messages of QoS 0; how many there were."""
        kept = deque(entry for entry in self._waiting if entry.message.qos)
        dropped = [entry for entry in self._waiting if not entry.message.qos]
        for entry in dropped:
            self.done(entry)
        self._waiting = kept
        return len(dropped)


def size_of(message: MqttMessage) -> int:
    """About the bytes that keeping `message` takes."""
    texts = (message.topic, message.response_topic or "", message.content_type or "")
    properties = sum(len(key) + len(value) for key, value in message.user_properties)
    data = len(message.payload) + len(message.correlation_data or b"")
    return _ENTRY_BYTES + data + properties + sum(map(len, texts))
