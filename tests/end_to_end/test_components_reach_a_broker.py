"""A running core, a component with the official SDK, and a real MQTT broker behind the core."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from device import Component

from lab.broker import Broker
from lab.certificates import DEVICE_NAME
from lab.internet.addresses import IOT_DATA_HOST, IOT_DATA_PORT, PROXY_PORT
from lab.lab import Lab
from lab.mqtt_peer import MqttPeer
from lab.waiting import wait_until

NAME = "com.example.Echo"
SERVICE = "aws.greengrass.ipc.mqttproxy"
# Answers each message, so that a test sees both ways; says what it could not do.
ECHO = """
import threading
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

client = GreengrassCoreIPCClientV2()

def answer(event):
    message = event.message
    client.publish_to_iot_core_async(
        topic_name="device/out", qos="1", payload=b"echo " + message.payload,
        user_properties=message.user_properties,
    )

try:
    client.subscribe_to_iot_core(topic_name="device/in/#", qos="1", on_stream_event=answer)
except Exception as error:
    print("refused:", type(error).__name__, error.message, flush=True)
    raise
try:
    client.publish_to_iot_core(topic_name="device/secret", qos="1", payload=b"x")
except Exception as error:
    print("refused:", type(error).__name__, flush=True)
client.publish_to_iot_core(topic_name="device/out", qos="0", payload=b"ready")
threading.Event().wait()
"""


def echo(version: str = "1.0.0") -> Component:
    policies = {
        f"{NAME}:out": {
            "operations": ["aws.greengrass#PublishToIoTCore"],
            "resources": ["device/out"],
        },
        f"{NAME}:in": {
            "operations": ["aws.greengrass#SubscribeToIoTCore"],
            "resources": ["device/in/#"],
        },
    }
    # As root: the tests' Python may be where nobody else can read.
    script = f"exec {sys.executable} -u {{artifacts:path}}/echo.py"
    return Component(
        NAME,
        {"run": {"Script": script, "RequiresPrivilege": True}},
        version=version,
        configuration={"accessControl": {SERVICE: policies}},
        artifacts=[{"URI": f"s3://bucket/{NAME}/{version}/echo.py"}],
        files={"echo.py": ECHO.encode()},
    )


@pytest.fixture
def broker(lab: Lab, tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path / "broker", lab, tls_port=IOT_DATA_PORT)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def peer(lab: Lab, broker: Broker) -> Iterator[MqttPeer]:
    with lab.namespaces.network():
        made = MqttPeer(broker.port)
    made.subscribe("device/#")
    yield made
    made.close()


def test_a_component_talks_to_a_broker_of_ones_own(make_device, broker, peer):
    endpoint = f"mqtt://127.0.0.1:{broker.port}"
    quick = {"minimumReconnectDelaySeconds": 0.05, "maximumReconnectDelaySeconds": 0.2}
    config = {
        "greendock": {"mqtt": {"endpoint": endpoint}},
        "services": {"aws.greengrass.Nucleus": {"configuration": {"mqtt": quick}}},
    }
    device = make_device(config)
    maps = Path(f"/proc/{device.core.pid}/maps")
    assert "awscrt" not in maps.read_text()
    device.deploy(echo())
    assert peer.next().payload == b"ready"
    assert "awscrt" in maps.read_text()
    peer.publish("device/in/1", b"one")
    assert [peer.next().payload, peer.next().payload] == [b"one", b"echo one"]
    device.wait_line(NAME, "refused: UnauthorizedError")
    device.wait_line("greengrass", "this would allow it")
    broker.kill()
    device.wait_line("greengrass", "no connection to the MQTT broker")
    broker.start()
    # Its subscription is there again, without the component's doing.
    probe = []

    def answered() -> bool:
        peer.publish("device/in/2", b"two")
        probe.append(peer.next().payload)
        return b"echo two" in probe

    peer.subscribe("device/#")
    wait_until(answered, lambda: f"the echo came: {probe}\n{device.core.tail()}")
    device.remove(NAME)
    wait_until(lambda: "Received UNSUBSCRIBE" in broker.log(), "the broker is told")


def test_a_device_talks_to_aws_iot_core_through_its_proxy(lab, make_device, broker, peer):
    system = {
        "thingName": DEVICE_NAME,
        "certificateFilePath": str(lab.folder / "device.pem"),
        "privateKeyPath": f"file://{lab.folder}/device.key",
        "rootCaPath": str(lab.certificate_authority),
    }
    nucleus = {
        "iotDataEndpoint": IOT_DATA_HOST,
        "networkProxy": {"proxy": {"url": f"http://127.0.0.1:{PROXY_PORT}"}},
    }
    services = {"aws.greengrass.Nucleus": {"configuration": nucleus}}
    device = make_device({"system": system, "services": services})
    device.deploy(echo())
    assert peer.next().payload == b"ready"
    assert f"as {DEVICE_NAME}" in broker.log()
    tunnels = [each["path"] for each in lab.requests("proxy")]
    assert f"{IOT_DATA_HOST}:8883" in tunnels


def test_without_a_broker_a_component_learns_which_keys_to_set(make_device):
    device = make_device()
    device.deploy(echo())
    line = device.wait_line(NAME, "refused: ServiceError")
    assert "greendock.mqtt.endpoint" in line
    assert "iotDataEndpoint" in line


def test_a_deployment_moves_the_connection(lab, make_device, broker, peer, tmp_path):
    first = Broker(tmp_path / "first", lab)
    system = {
        "thingName": DEVICE_NAME,
        "certificateFilePath": str(broker.certificate),
        "privateKeyPath": str(broker.key),
        "rootCaPath": str(broker.authority),
    }
    nucleus = {"iotDataEndpoint": "localhost", "mqtt": {"port": first.tls_port}}
    services = {"aws.greengrass.Nucleus": {"configuration": nucleus}}
    first.start()
    try:
        device = make_device({"system": system, "services": services})
        device.deploy(echo())
        device.wait_line("greengrass", f"connected to the MQTT broker localhost:{first.tls_port}")
        wait_until(lambda: "device/in/#" in first.log(), "the component has subscribed")
        merge = {"aws.greengrass.Nucleus": {"MERGE": {"mqtt": {"port": broker.tls_port}}}}
        device.change(
            "--merge", "aws.greengrass.Nucleus=2.18.0", "--update-config", json.dumps(merge)
        )
        # Nothing asks the core for anything: the connection follows by itself.
        wait_until(lambda: "device/in/#" in broker.log(), "the subscription moved")
        peer.publish("device/in/1", b"one")
        assert peer.until(lambda packet: packet.payload == b"echo one")
    finally:
        first.stop()
