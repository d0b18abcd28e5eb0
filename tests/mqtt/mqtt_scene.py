"""Parts of the scene around the core's MQTT client."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from greendock.cloud.ports import LinkOptions
from greendock.config.mqtt_settings import BrokerAddress
from greendock.net.mqtt import MqttMessage
from lab.broker import Broker

DEADLINE_S = 10


def plain_options(to: Broker, **more: Any) -> LinkOptions:
    """To the broker's plain port; tries again soon."""
    address = BrokerAddress("127.0.0.1", to.port, with_tls=False)
    return replace(LinkOptions(address, reconnect_delay_s=(0.05, 0.2)), **more)


class Inbox:
    """A subscriber that a test reads."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[MqttMessage] = asyncio.Queue()

    def __call__(self, message: MqttMessage) -> None:
        self._queue.put_nowait(message)

    async def next(self) -> MqttMessage:
        async with asyncio.timeout(DEADLINE_S):
            return await self._queue.get()

    async def payloads_until(self, last: bytes) -> list[bytes]:
        found = [(await self.next()).payload]
        while found[-1] != last:
            found.append((await self.next()).payload)
        return found


class Status:
    """Watches a client's connection."""

    def __init__(self) -> None:
        self.seen: list[bool] = []
        self._changed = asyncio.Event()

    def __call__(self, is_connected: bool) -> None:
        self.seen.append(is_connected)
        self._changed.set()

    async def until(self, *expected: bool) -> None:
        """Wait until these were seen, in this order and no more."""
        async with asyncio.timeout(DEADLINE_S):
            while self.seen != list(expected):
                self._changed.clear()
                await self._changed.wait()
