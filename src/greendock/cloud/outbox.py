"""Sends what is in the spool, in order and a few at a time, while there is a connection.

A message of QoS 1 stays in the spool until the broker has it; what fails is tried again, up to a
number of times. Called by mqtt.py; knows nothing of how a connection comes about.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from greendock.cloud.errors import MqttNotValid, MqttOffline
from greendock.cloud.ports import Link
from greendock.cloud.spool import Entry, Spool
from greendock.config.mqtt_settings import MqttSettings
from greendock.net.mqtt import MqttError, MqttMessage, MqttRefused

_log = logging.getLogger("greendock.cloud")

_BUSY_CODES = frozenset({0x89, 0x93, 0x96, 0x97})
"""Server busy, receive maximum, message rate and quota: later may do."""
_BUSY_PAUSE_S = 1.0


class Outbox:
    """One per client, for all of its connections."""

    def __init__(self, settings: Callable[[], MqttSettings]) -> None:
        self._settings = settings
        self._spool = Spool()
        self._link: Link | None = None
        self._sending: dict[asyncio.Task[None], Entry] = {}
        self._is_pausing = False
        self._empty = asyncio.Event()
        self._empty.set()

    def add(self, message: MqttMessage) -> None:
        """Raises SpoolFull."""
        dropped = self._spool.add(message, self._settings().spooler.max_size_bytes)
        if dropped:
            _log.warning("%d MQTT messages of QoS 0 made room for one of QoS 1", dropped)
        self._empty.clear()
        self._go_on()

    def open(self, link: Link) -> None:
        """There is a connection."""
        self._link = link
        self._go_on()

    def shut(self) -> None:
        """There is none any more. What is on its way comes back or goes on by itself."""
        self._link = None
        if not self._settings().spooler.keep_qos0_when_offline:
            dropped = self._spool.drop_qos0()
            if dropped:
                _log.warning("%d MQTT messages of QoS 0 are dropped: no connection", dropped)
        self._note_empty()

    async def abandon(self) -> None:
        """The link is given up: what is on its way is for the next one."""
        self.shut()
        tasks = list(self._sending)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def drained(self) -> None:
        """Wait until nothing is left to be sent."""
        await self._empty.wait()

    def __len__(self) -> int:
        return len(self._spool) + len(self._sending)

    def _go_on(self) -> None:
        link = self._link
        limit = self._settings().max_in_flight
        while link is not None and len(self._sending) < limit and not self._is_pausing:
            entry = self._spool.take()
            if entry is None:
                break
            # Tasks begin in the order in which they are made: that keeps the messages' order.
            task = asyncio.get_running_loop().create_task(self._send(link, entry))
            self._sending[task] = entry
            task.add_done_callback(self._sent)
        self._note_empty()

    def _sent(self, task: asyncio.Task[None]) -> None:
        entry = self._sending.pop(task)
        if task.cancelled():
            self._spool.put_back(entry)
        self._go_on()

    def _note_empty(self) -> None:
        if not len(self):
            self._empty.set()

    async def _send(self, link: Link, entry: Entry) -> None:
        try:
            await link.publish(entry.message)
            self._spool.done(entry)
        except MqttOffline as error:
            self._failed(link, entry, error)
        except MqttNotValid as error:
            self._give_up(entry, error)
        except MqttRefused as error:
            if error.reason_code not in _BUSY_CODES:
                self._give_up(entry, error)
            elif self._failed(link, entry, error):
                self._pause()

    def _pause(self) -> None:
        def end() -> None:
            self._is_pausing = False
            self._go_on()

        if not self._is_pausing:
            self._is_pausing = True
            asyncio.get_running_loop().call_later(_BUSY_PAUSE_S, end)

    def _failed(self, link: Link, entry: Entry, error: MqttError) -> bool:
        """Whether it is tried again."""
        settings = self._settings()
        is_kept = bool(entry.message.qos) or settings.spooler.keep_qos0_when_offline
        entry.tries += link is self._link
        if not is_kept or entry.tries > settings.max_publish_retry:
            self._give_up(entry, error)
            return False
        self._spool.put_back(entry)
        return True

    def _give_up(self, entry: Entry, error: MqttError) -> None:
        self._spool.done(entry)
        _log.warning("an MQTT message is dropped, tries: %d: %s", entry.tries + 1, error)
