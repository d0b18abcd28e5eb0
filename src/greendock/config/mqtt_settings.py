"""Which MQTT broker this device talks to, and how; pure.

The keys are those of Greengrass (`iotDataEndpoint`, `mqtt`) and, for a broker of one's own,
`greendock.mqtt`.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from greendock.config.section import Section

_DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """`with_tls`: otherwise the connection is plain. `is_aws`: it came from `iotDataEndpoint`, so
    that the device's certificate is required."""

    host: str
    port: int
    with_tls: bool
    is_aws: bool = False


@dataclass(frozen=True, slots=True)
class SpoolerSettings:
    max_size_bytes: int = 2_621_440
    keep_qos0_when_offline: bool = False


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """`broker` None: none is configured."""

    broker: BrokerAddress | None = None
    ca_file: str | None = None
    keep_alive_s: float = 60
    ping_timeout_s: float = 30
    operation_timeout_s: float = 30
    connect_timeout_s: float = 3
    reconnect_delay_s: tuple[float, float] = (1, 120)
    max_in_flight: int = 100
    max_message_bytes: int = 131_072
    max_publish_retry: int = 100
    spooler: SpoolerSettings = SpoolerSettings()


def read_mqtt_settings(nucleus: Section, ours: Section) -> MqttSettings:
    """`nucleus`: its configuration; `ours`: the map `greendock`. Raises ConfigurationError."""
    keys, own = nucleus.section("mqtt"), ours.section("mqtt")
    spooler = keys.section("spooler")
    first_s = keys.number("minimumReconnectDelaySeconds", 1, low=0.01, high=3600)
    return MqttSettings(
        broker=_own_broker(own) or _aws_broker(nucleus, keys),
        ca_file=own.text("caFile"),
        keep_alive_s=_seconds(keys, "keepAliveTimeoutMs", 60_000, 1000, 65_535_000),
        ping_timeout_s=_seconds(keys, "pingTimeoutMs", 30_000, 100, 600_000),
        operation_timeout_s=_seconds(keys, "operationTimeoutMs", 30_000, 1000, 55_000),
        connect_timeout_s=_seconds(keys, "socketTimeoutMs", 3_000, 100, 600_000),
        reconnect_delay_s=(
            first_s,
            keys.number(
                "maximumReconnectDelaySeconds", max(120, first_s), low=first_s, high=86400
            ),
        ),
        max_in_flight=int(keys.number("maxInFlightPublishes", 100, low=1, high=100)),
        max_message_bytes=int(keys.number("maxMessageSizeInBytes", 131_072, low=1, high=1 << 28)),
        max_publish_retry=int(keys.number("maxPublishRetry", 100, low=0, high=1 << 31)),
        spooler=SpoolerSettings(
            max_size_bytes=int(
                spooler.number("maxSizeInBytes", 2_621_440, low=1, high=1 << 32),
            ),
            keep_qos0_when_offline=spooler.flag("keepQos0WhenOffline", False),
        ),
    )


def _seconds(keys: Section, key: str, default_ms: int, low_ms: int, high_ms: int) -> float:
    return keys.number(key, default_ms, low=low_ms, high=high_ms) / 1000


def _own_broker(own: Section) -> BrokerAddress | None:
    text = own.text("endpoint")
    if text is None:
        return None
    # What may be a login is not repeated.
    shown = "its value" if "@" in text else text
    wrong = own.wrong("endpoint", shown, "mqtt://host[:port] or mqtts://host[:port], nothing more")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise wrong from None
    scheme = parts.scheme.lower()
    more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if scheme not in _DEFAULT_PORTS or not parts.hostname or more or port == 0:
        raise wrong
    return BrokerAddress(parts.hostname, port or _DEFAULT_PORTS[scheme], scheme == "mqtts")


def _aws_broker(nucleus: Section, keys: Section) -> BrokerAddress | None:
    text = nucleus.text("iotDataEndpoint")
    if text is None:
        return None
    port = int(keys.number("port", 8883, low=1, high=65535))
    host = text.removeprefix("https://").rstrip("/")
    if not host or any(character in host for character in ":/@ "):
        raise nucleus.wrong("iotDataEndpoint", text, "a host name")
    return BrokerAddress(host, port, with_tls=True, is_aws=True)
