"""What the client needs of one connection to a broker, and what it hears from it.

`crt_link.py` implements it; nothing else in here knows a library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from greendock.config.mqtt_settings import BrokerAddress
from greendock.net.mqtt import MqttMessage
from greendock.net.proxy import Proxy


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """How to connect. Without `certificate` and `key` the device doesn't say who it is; `proxy`
    None: directly. Times in seconds."""

    broker: BrokerAddress
    client_id: str = ""
    certificate: Path | None = None
    key: Path | None = None
    authority: Path | None = None
    proxy: Proxy | None = field(default=None, repr=False)
    keep_alive_s: float = 60
    ping_timeout_s: float = 30
    operation_timeout_s: float = 30
    connect_timeout_s: float = 3
    reconnect_delay_s: tuple[float, float] = (1, 120)


class LinkEvents(Protocol):
    """News of a link, on the event loop."""

    def connected(self, *, rejoined: bool, has_identifiers: bool) -> None:
        """`rejoined`: the broker still has our session. `has_identifiers`: it marks messages with
        the subscriptions that they are for."""

    def disconnected(self, cause: str) -> None:
        """The connection ended, or could not be made; the link goes on trying."""

    def received(self, message: MqttMessage, identifiers: tuple[int, ...]) -> None: ...


class Link(Protocol):
    """A connection that comes back by itself. All of it is called on the event loop.

    The waiting ones raise MqttOffline when there is no connection or it ends meanwhile (a publish
    of QoS 1 goes on by itself then), and MqttRefused.
    """

    async def start(self) -> None:
        """Begin to connect. Raises MqttError when certificates or keys can't be used."""

    async def stop(self) -> None:
        """Disconnect. No more news from now on."""

    async def publish(self, message: MqttMessage) -> None:
        """Sent in the order of the calls; returns when the broker has it (QoS 1)."""

    async def subscribe(
        self, topic_filter: str, qos: int, *, identifier: int | None, retained: bool
    ) -> None:
        """`retained`: have retained messages sent again to a subscription that exists."""

    async def unsubscribe(self, topic_filters: Sequence[str]) -> None: ...
