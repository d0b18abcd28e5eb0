"""Which broker the configuration names, how it is reached, and what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from greendock.base.errors import ConfigurationError
from greendock.cloud.errors import MqttNotConfigured
from greendock.config.mqtt_settings import BrokerAddress, MqttSettings, SpoolerSettings
from greendock.config.settings import Settings, read_settings
from greendock.daemon.iot_core import link_options
from greendock.net.proxy import Proxy, ProxySettings

AWS = "a1-ats.iot.us-east-1.amazonaws.com"
DEVICE = {
    "thingName": "thing-7",
    "certificateFilePath": "/d/cert.pem",
    "privateKeyPath": "file:///d/key.pem",
    "rootCaPath": "/d/ca.pem",
}


def read(nucleus: object = None, mqtt: object = None, system: object = None) -> Settings:
    ours = {"mqtt": mqtt or {}}
    return read_settings(system or {}, nucleus or {}, ours, {}, {})  # type: ignore[arg-type]


def test_without_keys_there_is_no_broker_and_the_hint_names_them() -> None:
    settings = read()
    assert settings.mqtt == MqttSettings()
    with pytest.raises(MqttNotConfigured) as caught:
        link_options(settings, ProxySettings())
    for key in ("greendock.mqtt.endpoint", "iotDataEndpoint", "system.certificateFilePath"):
        assert key in caught.value.explain()


def test_the_keys_of_greengrass_are_read_in_any_case() -> None:
    keys = {
        "PORT": 443,
        "keepAliveTimeoutMs": 1500,
        "pingTimeoutMs": "1000",
        "operationTimeoutMs": 2000,
        "socketTimeoutMs": 500,
        "maxInFlightPublishes": 2,
        "maxMessageSizeInBytes": 10,
        "maxPublishRetry": 3,
        "minimumReconnectDelaySeconds": 2,
        "maximumReconnectDelaySeconds": 4,
        "spooler": {"maxSizeInBytes": 100, "keepQos0WhenOffline": True},
    }
    assert read({"iotDataEndpoint": AWS, "MQTT": keys}).mqtt == MqttSettings(
        broker=BrokerAddress(AWS, 443, with_tls=True, is_aws=True),
        keep_alive_s=1.5,
        ping_timeout_s=1,
        operation_timeout_s=2,
        connect_timeout_s=0.5,
        reconnect_delay_s=(2, 4),
        max_in_flight=2,
        max_message_bytes=10,
        max_publish_retry=3,
        spooler=SpoolerSettings(100, keep_qos0_when_offline=True),
    )


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("mqtt://broker", BrokerAddress("broker", 1883, with_tls=False)),
        ("MQTTS://Broker:99", BrokerAddress("broker", 99, with_tls=True)),
        ("mqtts://[::1]:1/", BrokerAddress("::1", 1, with_tls=True)),
    ],
)
def test_a_broker_of_ones_own_comes_first(endpoint: str, expected: BrokerAddress) -> None:
    assert read({"iotDataEndpoint": AWS}, {"endpoint": endpoint}).mqtt.broker == expected


@pytest.mark.parametrize(
    ("nucleus", "mqtt", "key"),
    [
        ({}, {"endpoint": "http://broker"}, "mqtt.endpoint"),
        ({}, {"endpoint": "broker:1883"}, "mqtt.endpoint"),
        ({}, {"endpoint": "mqtt://broker/path"}, "mqtt.endpoint"),
        ({}, {"endpoint": "mqtt://broker:0"}, "mqtt.endpoint"),
        ({}, {"endpoint": "mqtt://broker:x"}, "mqtt.endpoint"),
        ({}, {"endpoint": "mqtt://me:secret@broker"}, "mqtt.endpoint"),
        ({"iotDataEndpoint": "mqtts://x"}, {}, "iotDataEndpoint"),
        ({"mqtt": {"spooler": {"maxSizeInBytes": -1}}}, {}, "mqtt.spooler.maxSizeInBytes"),
        ({"mqtt": {"maxInFlightPublishes": 101}}, {}, "mqtt.maxInFlightPublishes"),
    ],
)
def test_a_wrong_key_of_mqtt_is_named(nucleus: dict, mqtt: dict, key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(nucleus, mqtt)
    assert key in caught.value.explain()
    assert "secret" not in caught.value.explain()


def test_aws_iot_core_gets_the_device_and_the_proxy() -> None:
    proxy = Proxy("http://proxy.example:3128", "u", "hidden")
    options = link_options(read({"iotDataEndpoint": AWS}, {}, DEVICE), ProxySettings(https=proxy))
    assert options.client_id == "thing-7"
    assert (options.certificate, options.key) == (Path("/d/cert.pem"), Path("/d/key.pem"))
    assert (options.authority, options.proxy) == (Path("/d/ca.pem"), proxy)
    assert "hidden" not in repr(options)


def test_aws_iot_core_needs_a_device() -> None:
    for key in ("thingName", "certificateFilePath", "privateKeyPath"):
        system = {name: value for name, value in DEVICE.items() if name != key}
        with pytest.raises(MqttNotConfigured, match=key):
            link_options(read({"iotDataEndpoint": AWS}, {}, system), ProxySettings())
    system = {**DEVICE, "privateKeyPath": "pkcs11:object=key"}
    with pytest.raises(MqttNotConfigured, match="not in a file"):
        link_options(read({"iotDataEndpoint": AWS}, {}, system), ProxySettings())


def test_a_plain_broker_sees_neither_certificate_nor_proxy() -> None:
    proxies = ProxySettings(https=Proxy("http://proxy.example:3128"))
    options = link_options(read({}, {"endpoint": "mqtt://broker"}, DEVICE), proxies)
    assert (options.certificate, options.key, options.authority) == (None, None, None)
    assert options.proxy is None


def test_a_broker_with_tls_has_its_own_authority() -> None:
    own = {"endpoint": "mqtts://broker", "caFile": "/own.pem"}
    assert link_options(read({}, own, DEVICE), ProxySettings()).authority == Path("/own.pem")
    options = link_options(read({}, own), ProxySettings())
    assert (options.authority, options.certificate) == (Path("/own.pem"), None)
