"""A real broker on loopback, the core's client, and a second client that sees what arrives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mqtt_scene import plain_options

from greendock.cloud.mqtt import MqttClient
from greendock.cloud.ports import LinkOptions
from greendock.config.mqtt_settings import MqttSettings
from lab.broker import Broker
from lab.mqtt_peer import MqttPeer


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path / "broker")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def peer(broker: Broker) -> Iterator[MqttPeer]:
    made = MqttPeer(broker.port)
    yield made
    made.close()


@pytest.fixture
def open_client(broker: Broker):
    """`async with open_client(settings, options) as client`; to the broker's plain port."""

    @asynccontextmanager
    async def opened(settings: MqttSettings | None = None, options: LinkOptions | None = None):
        found = settings or MqttSettings()
        client = MqttClient(lambda: found, lambda: options or plain_options(broker))
        try:
            yield client
        finally:
            await client.close()

    return opened
