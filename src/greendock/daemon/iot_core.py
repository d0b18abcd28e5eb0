"""Wires the MQTT client: what is configured becomes the options of a connection.

Says which keys are missing where no broker is configured; connects nothing itself. Used by
core.py.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from greendock.base.events import Bus
from greendock.cloud.errors import MqttNotConfigured
from greendock.cloud.mqtt import MqttClient
from greendock.cloud.ports import LinkOptions
from greendock.config.mqtt_settings import BrokerAddress
from greendock.config.settings import Settings
from greendock.daemon.core_settings import CoreSettings
from greendock.daemon.outside import Outside
from greendock.deployment.record import DeploymentChanged
from greendock.net.proxy import Proxy, ProxySettings, proxy_for


def open_iot_core(settings: CoreSettings, outside: Outside, bus: Bus) -> MqttClient:
    """The client of a core. It follows the configuration, also when only deployments change it."""
    known: list[tuple[Settings, LinkOptions]] = []

    def options() -> LinkOptions:
        # Asked for each message; settings are replaced as a whole.
        if not known or known[0][0] is not settings.current:
            current = settings.current
            known[:] = [(current, link_options(current, outside.own_proxies))]
        return known[0][1]

    client = MqttClient(lambda: settings.current.mqtt, options)

    def changed(event: DeploymentChanged) -> None:
        if event.record.status.is_final:
            client.reconsider()

    bus.listen(changed, DeploymentChanged)
    return client


def link_options(settings: Settings, proxies: ProxySettings) -> LinkOptions:
    """Raises MqttNotConfigured that names the keys."""
    mqtt, device = settings.mqtt, settings.device
    broker = mqtt.broker
    if broker is None:
        raise MqttNotConfigured(
            "cannot reach AWS IoT Core: no MQTT broker is configured",
            hint="set greendock.mqtt.endpoint (mqtt://host:port, mqtts://host:port) for a broker "
            "of your own; or, for AWS IoT Core, iotDataEndpoint of aws.greengrass.Nucleus with "
            "system.thingName, system.certificateFilePath, system.privateKeyPath and "
            "system.rootCaPath",
        )
    names = {
        "system.thingName": settings.thing_name,
        "system.certificateFilePath": device.certificate_path,
        "system.privateKeyPath": device.private_key_path,
    }
    missing = [name for name, value in names.items() if not value]
    if broker.is_aws and missing:
        raise MqttNotConfigured(
            f"cannot reach AWS IoT Core at {broker.host}: {', '.join(missing)} not configured",
            hint="these keys are part of each Greengrass device's configuration",
        )
    shows_device = (
        broker.with_tls and bool(device.certificate_path) and bool(device.private_key_path)
    )
    authority = mqtt.ca_file or settings.root_ca_path
    return LinkOptions(
        broker=broker,
        client_id=settings.thing_name,
        certificate=_file(device.certificate_path) if shows_device else None,
        key=_file(device.private_key_path) if shows_device else None,
        authority=_file(authority) if broker.with_tls else None,
        proxy=_proxy(broker, proxies),
        keep_alive_s=mqtt.keep_alive_s,
        ping_timeout_s=mqtt.ping_timeout_s,
        operation_timeout_s=mqtt.operation_timeout_s,
        connect_timeout_s=mqtt.connect_timeout_s,
        reconnect_delay_s=mqtt.reconnect_delay_s,
    )


def _proxy(broker: BrokerAddress, proxies: ProxySettings) -> Proxy | None:
    """Plain connections stay in the local network: they go directly."""
    if not broker.with_tls:
        return None
    host = f"[{broker.host}]" if ":" in broker.host else broker.host
    return proxy_for(f"https://{host}:{broker.port}", proxies)


def _file(text: str | None) -> Path | None:
    """Greengrass takes paths and URIs; a URI of a hardware module is none for us."""
    if not text:
        return None
    if text.startswith("pkcs11:"):
        raise MqttNotConfigured(
            "cannot reach the MQTT broker: the device's key or certificate is not in a file",
            hint="keys in hardware modules are not supported",
        )
    return Path(unquote(urlsplit(text).path) if text.startswith("file:") else text)
