"""The MQTT operations through the official client (V1 and V2), with a real broker behind them."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import awsiot.greengrasscoreipc
import pytest
from awsiot.greengrasscoreipc import client as v1
from awsiot.greengrasscoreipc import model

from greendock.cloud.mqtt import MqttClient
from greendock.cloud.ports import LinkOptions
from greendock.config.mqtt_settings import BrokerAddress, MqttSettings
from greendock.ipc import rpc
from greendock.net.mqtt import MqttMessage
from lab.broker import Broker
from lab.mqtt_peer import MqttPeer

DEADLINE_S = 10
COMPONENT = "com.example.Mqtt"
SERVICE = "aws.greengrass.ipc.mqttproxy"
OPERATIONS = ["aws.greengrass#PublishToIoTCore", "aws.greengrass#SubscribeToIoTCore"]


@pytest.fixture
def broker(tmp_path) -> Iterator[Broker]:
    made = Broker(tmp_path / "broker")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def peer(broker) -> Iterator[MqttPeer]:
    made = MqttPeer(broker.port)
    yield made
    made.close()


@pytest.fixture
def served(serve, broker):
    address = BrokerAddress("127.0.0.1", broker.port, with_tls=False)
    options = LinkOptions(address, reconnect_delay_s=(0.05, 0.2))
    made = serve(iot_core=MqttClient(MqttSettings, lambda: options))
    policy = {"operations": OPERATIONS, "resources": ["*"]}
    made.policies[COMPONENT] = {SERVICE: {"all": policy}}
    yield made
    made.stop()
    made.wait_for(made.iot_core.close())


@pytest.fixture
def connect(connect):
    def open_client(served):
        return connect(served, served.component_token(COMPONENT))

    return open_client


class Events:
    """What one subscription got."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Any] = queue.Queue()
        self.put: Callable[[Any], None] = self._queue.put

    def next(self) -> Any:
        return self._queue.get(timeout=DEADLINE_S)

    def message(self) -> model.MQTTMessage:
        return self.next().message

    def payloads_until(self, last: bytes) -> list[bytes]:
        found = [self.message().payload]
        while found[-1] != last:
            found.append(self.message().payload)
        return found


def subscribe(client, topic_filter: str, qos: str = "1") -> tuple[Events, Any]:
    events = Events()
    _, stream = client.subscribe_to_iot_core(
        topic_name=topic_filter, qos=qos, on_stream_event=events.put
    )
    return events, stream


@contextmanager
def refused(kind: type[Exception], text: str) -> Iterator[None]:
    """The call in it gets an error of this kind with `text` in its message."""
    with pytest.raises(kind) as caught:
        yield
    assert text in caught.value.message


def test_all_members_arrive_and_come_back(served, connect, peer):
    client = connect(served)
    events, _ = subscribe(client, "a/+")
    peer.subscribe("a/b")
    properties = [model.UserProperty(key="k", value="1"), model.UserProperty(key="k", value="2")]
    response = client.publish_to_iot_core(
        topic_name="a/b",
        qos=model.QOS.AT_LEAST_ONCE,
        payload=b"\x00\xff",
        user_properties=properties,
        message_expiry_interval_seconds=600,
        correlation_data=b"\xfe",
        response_topic="answers/1",
        payload_format=model.PayloadFormat.BYTES,
        content_type="text/plain",
    )
    assert response == model.PublishToIoTCoreResponse()
    seen = peer.next()
    assert (seen.topic, seen.payload, seen.content_type) == ("a/b", b"\x00\xff", "text/plain")
    assert [(each.name, each.value) for each in seen.user_properties] == [("k", "1"), ("k", "2")]
    assert (seen.correlation_data_bytes, seen.response_topic) == (b"\xfe", "answers/1")
    assert events.message() == model.MQTTMessage(
        topic_name="a/b",
        payload=b"\x00\xff",
        retain=False,
        user_properties=properties,
        message_expiry_interval_seconds=600,
        correlation_data=b"\xfe",
        response_topic="answers/1",
        payload_format=model.PayloadFormat.BYTES,
        content_type="text/plain",
    )


def test_a_message_without_anything_has_no_more_members(served, raw, peer):
    client = raw(served, served.component_token(COMPONENT))
    name = f"{rpc.NAMESPACE}SubscribeToIoTCore"
    client.send(rpc.request(1, name, rpc.to_json({"topicName": "plain", "qos": "0"})))
    assert client.receive().payload == b"{}"
    name = f"{rpc.NAMESPACE}PublishToIoTCore"
    client.send(rpc.request(2, name, rpc.to_json({"topicName": "plain", "qos": "0"})))
    found = {client.receive().payload, client.receive().payload}
    event = {"message": {"topicName": "plain", "payload": "", "retain": False}}
    assert found == {b"{}", rpc.to_json(event)}


def test_retained_messages_come_after_the_answer(served, connect, raw, peer):
    peer.publish("state", b"kept", retain=True)
    client = raw(served, served.component_token(COMPONENT))
    name = f"{rpc.NAMESPACE}SubscribeToIoTCore"
    for number in (1, 2, 3):
        client.send(rpc.request(number, name, rpc.to_json({"topicName": "state", "qos": "1"})))
        answer, event = client.receive(), client.receive()
        assert answer.payload == b"{}"
        assert b"a2VwdA==" in event.payload
        assert b'"retain":true' in event.payload.replace(b" ", b"")


def test_each_stream_gets_each_message_once(served, connect, peer):
    client, other = connect(served), connect(served)
    streams = [subscribe(client, "a/#"), subscribe(client, "a/+"), subscribe(other, "a/+", "0")]
    peer.publish("a/1", b"1")
    peer.publish("a/1/2", b"2")
    peer.publish("a/1", b"end")
    found = [events.payloads_until(b"end") for events, _ in streams]
    assert found == [[b"1", b"2", b"end"], [b"1", b"end"], [b"1", b"end"]]


def test_the_end_of_a_stream_ends_its_messages(served, connect, broker, peer, eventually):
    client = connect(served)
    first, stream = subscribe(client, "shared")
    second, last = subscribe(client, "shared")
    stream.close().result(DEADLINE_S)
    peer.publish("shared", b"end")
    assert second.payloads_until(b"end") == [b"end"]
    last.close().result(DEADLINE_S)
    eventually(lambda: "Received UNSUBSCRIBE" in broker.log())
    with pytest.raises(queue.Empty):
        first._queue.get_nowait()


def test_the_old_client_can_do_it_too(served, peer):
    class Handler(v1.SubscribeToIoTCoreStreamHandler):
        def __init__(self) -> None:
            super().__init__()
            self.events = Events()

        def on_stream_event(self, event) -> None:
            self.events.put(event)

    connection = awsiot.greengrasscoreipc.connect(
        ipc_socket=str(served.socket_path), authtoken=served.component_token(COMPONENT)
    )
    try:
        handler = Handler()
        subscribing = connection.new_subscribe_to_iot_core(handler)
        request = model.SubscribeToIoTCoreRequest(topic_name="old/+", qos=model.QOS.AT_MOST_ONCE)
        subscribing.activate(request).result(DEADLINE_S)
        subscribing.get_response().result(DEADLINE_S)
        publishing = connection.new_publish_to_iot_core()
        sent = model.PublishToIoTCoreRequest(
            topic_name="old/1", qos=model.QOS.AT_LEAST_ONCE, payload=b"1"
        )
        publishing.activate(sent).result(DEADLINE_S)
        publishing.get_response().result(DEADLINE_S)
        assert handler.events.message().payload == b"1"
    finally:
        connection.close().exception(DEADLINE_S)


def test_the_status_of_the_connection_is_told(served, connect, broker):
    events = Events()
    _, stream = connect(served).subscribe_to_iot_core_connection_status(on_stream_event=events.put)

    def until(status: str) -> None:
        while events.next().connection_status_event.status != status:
            pass

    until(model.ConnectionStatus.CONNECTED)
    broker.kill()
    until(model.ConnectionStatus.DISCONNECTED)
    broker.start()
    until(model.ConnectionStatus.CONNECTED)
    stream.close().result(DEADLINE_S)


def test_an_outage_loses_no_message_of_qos_1(served, connect, broker):
    client = connect(served)
    events, _ = subscribe(client, "news/#")
    status = Events()
    client.subscribe_to_iot_core_connection_status(on_stream_event=status.put)
    assert status.next().connection_status_event.status == "CONNECTED"
    broker.kill()
    assert status.next().connection_status_event.status == "DISCONNECTED"
    for number in range(10):
        client.publish_to_iot_core(topic_name=f"news/{number}", qos="1", payload=b"%d" % number)
    with refused(model.ServiceError, "no connection"):
        client.publish_to_iot_core(topic_name="news/x", qos="0", payload=b"x")
    broker.start()
    assert events.payloads_until(b"9") == [b"%d" % number for number in range(10)]


def test_a_refusal_of_the_broker_has_its_code(served, connect):
    with pytest.raises(model.ServiceError) as caught:
        subscribe(connect(served), "forbidden/x")
    assert caught.value.context["reasonCode"] == 0x87
    assert "forbidden/x" in caught.value.message


@pytest.mark.parametrize(
    "wrong",
    [
        {"topic_name": "a/#"},
        {"topic_name": "1/2/3/4/5/6/7/8/9"},
        {"topic_name": "x" * 257},
        {"payload": b"x" * 131073},
        {"response_topic": "a/+"},
        {"message_expiry_interval_seconds": 1 << 32},
    ],
)
def test_what_aws_would_not_take_is_a_service_error(served, connect, wrong):
    with refused(model.ServiceError, "cannot publish"):
        connect(served).publish_to_iot_core(**{"topic_name": "a", "qos": "1", **wrong})


def test_wrong_arguments_are_named(served, connect):
    client = connect(served)
    with refused(model.InvalidArgumentsError, "qos"):
        client.publish_to_iot_core(topic_name="a", qos="2")
    with refused(model.InvalidArgumentsError, "topicName"):
        client.subscribe_to_iot_core(qos="1", on_stream_event=print)
    with refused(model.InvalidArgumentsError, "negative"):
        client.publish_to_iot_core(topic_name="a", qos="1", message_expiry_interval_seconds=-1)
    with refused(model.ServiceError, "cannot subscribe"):
        client.subscribe_to_iot_core(topic_name="a#", qos="1", on_stream_event=print)


def test_only_what_a_policy_allows_is_done(served, connect, peer):
    peer.subscribe("#")
    policy = {"operations": OPERATIONS[:1], "resources": ["mine/*"]}
    served.policies[COMPONENT] = {SERVICE: {"own": policy}}
    client = connect(served)
    with pytest.raises(model.UnauthorizedError):
        client.publish_to_iot_core(topic_name="other/1", qos="1")
    with pytest.raises(model.UnauthorizedError):
        client.subscribe_to_iot_core(topic_name="mine/1", qos="1", on_stream_event=print)
    client.publish_to_iot_core(topic_name="mine/1", qos="1")
    assert peer.next().topic == "mine/1"


def test_a_core_without_mqtt_says_so(serve, connect):
    bare = serve()
    bare.policies[COMPONENT] = {SERVICE: {"all": {"operations": ["*"], "resources": ["*"]}}}
    client = connect(bare)
    calls = (
        lambda: client.publish_to_iot_core(topic_name="a", qos="1"),
        lambda: subscribe(client, "a"),
        lambda: client.subscribe_to_iot_core_connection_status(on_stream_event=print),
    )
    for call in calls:
        with refused(model.ServiceError, "not available on this core"):
            call()


@dataclass
class ManualIotCore:
    """The port by hand: a test decides what comes when."""

    is_connected: bool = True
    deliver: Future[Any] = field(default_factory=Future)
    ended: int = 0

    async def publish(self, message: MqttMessage) -> None: ...

    async def subscribe(self, topic_filter, qos, deliver):
        self.deliver.set_result(deliver)
        deliver(MqttMessage("early", b"before the answer"))
        return self._end

    async def watch(self, changed):
        return self._end

    def _end(self) -> None:
        self.ended += 1


def test_a_slow_reader_loses_messages_and_nobody_waits(serve, raw, eventually):
    port = ManualIotCore()
    served = serve(iot_core=port, droppable_backlog=100_000)
    policy = {"operations": OPERATIONS, "resources": ["*"]}
    served.policies[COMPONENT] = {SERVICE: {"all": policy}}
    client = raw(served, served.component_token(COMPONENT))
    name = f"{rpc.NAMESPACE}SubscribeToIoTCore"
    client.send(rpc.request(1, name, rpc.to_json({"topicName": "a", "qos": "1"})))
    assert client.receive().payload == b"{}"
    assert b"early" in client.receive().payload
    deliver = port.deliver.result(DEADLINE_S)
    for _ in range(100):
        served.call(lambda: deliver(MqttMessage("a", b"x" * 10_000)))
    assert served.call(lambda: served.server.drops.total(COMPONENT)) > 0
    client.close()
    eventually(lambda: port.ended == 1)
