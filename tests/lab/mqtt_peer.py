"""A second MQTT client of the tests: what others publish, and what reaches others.

Plain MQTT 5 by awscrt, with nothing of the core's own code.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from awscrt import io, mqtt5

_DEADLINE_S = 10.0


class MqttPeer:
    """Connected to a broker's plain port from construction to `close`."""

    def __init__(self, port: int) -> None:
        self._packets: queue.Queue[Any] = queue.Queue()
        self._stopped = threading.Event()
        connected = threading.Event()
        group = io.EventLoopGroup(1)
        options = mqtt5.ClientOptions(
            host_name="127.0.0.1",
            port=port,
            bootstrap=io.ClientBootstrap(group, io.DefaultHostResolver(group)),
            disable_metrics=True,
            min_reconnect_delay_ms=50,
            max_reconnect_delay_ms=200,
            on_publish_callback_fn=lambda data: self._packets.put(data.publish_packet),
            on_lifecycle_event_connection_success_fn=lambda data: connected.set(),
            on_lifecycle_event_stopped_fn=lambda data: self._stopped.set(),
        )
        self._client = mqtt5.Client(options)
        self._client.start()
        assert connected.wait(_DEADLINE_S), "the peer can't connect to the broker"

    def publish(self, topic: str, payload: bytes = b"", *, qos: int = 1, **more: Any) -> None:
        """Returns when the broker has it. `more`: members of awscrt's PublishPacket."""
        packet = mqtt5.PublishPacket(topic=topic, payload=payload, qos=mqtt5.QoS(qos), **more)
        self._client.publish(packet).result(_DEADLINE_S)

    def subscribe(self, topic_filter: str) -> None:
        """Waits for the connection, also after the broker was started again."""
        subscription = mqtt5.Subscription(topic_filter, mqtt5.QoS.AT_LEAST_ONCE)
        self._client.subscribe(mqtt5.SubscribePacket([subscription])).result(_DEADLINE_S)

    def next(self) -> Any:
        """The next message, as awscrt gives it."""
        return self._packets.get(timeout=_DEADLINE_S)

    def until(self, is_last: Callable[[Any], bool]) -> list[Any]:
        """All messages up to the one that `is_last`."""
        found = [self.next()]
        while not is_last(found[-1]):
            found.append(self.next())
        return found

    def close(self) -> None:
        self._client.stop()
        assert self._stopped.wait(_DEADLINE_S), "the peer does not stop"
