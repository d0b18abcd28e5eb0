"""Components publish and subscribe with the official client, V1 and V2, as the document says."""

from __future__ import annotations

import json
import queue

import awsiot.greengrasscoreipc
import pytest
from awsiot.greengrasscoreipc import client as v1
from awsiot.greengrasscoreipc import model
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

from greendock.ipc import rpc

A, B = "com.example.A", "com.example.B"
PUBSUB = "aws.greengrass.ipc.pubsub"
PUBLISH = "aws.greengrass#PublishToTopic"
SUBSCRIBE = "aws.greengrass#SubscribeToTopic"
DEADLINE_S = 10


def control(*resources, operations=("*",)):
    return {PUBSUB: {"p": {"operations": list(operations), "resources": list(resources)}}}


class Received(v1.SubscribeToTopicStreamHandler):
    """Collects events; the V2 client takes its methods, the V1 client the whole handler."""

    def __init__(self) -> None:
        super().__init__()
        self.events: queue.Queue = queue.Queue()
        self.closed = queue.Queue()
        self.errors = queue.Queue()

    def on_stream_event(self, event):
        self.events.put(event)

    def on_stream_error(self, error):
        self.errors.put(error)
        return True

    def on_stream_closed(self):
        self.closed.put(True)

    def next(self):
        return self.events.get(timeout=DEADLINE_S)


class Component:
    """A component with a connection of its own, through the V1 client and the V2 client on it."""

    def __init__(self, served, name, *resources, operations=("*",)) -> None:
        served.policies[name] = control(*resources, operations=operations)
        self.v1 = awsiot.greengrasscoreipc.connect(
            ipc_socket=str(served.socket_path), authtoken=served.component_token(name)
        )
        # In the thread of the connection: only so the order is that of the wire.
        self.v2 = GreengrassCoreIPCClientV2(self.v1, executor=None)

    def publish(self, topic, **message):
        self.v2.publish_to_topic(topic=topic, publish_message=model.PublishMessage(**message))

    def say(self, topic, text):
        self.publish(topic, json_message=model.JsonMessage(message={"text": text}))

    def subscribe(self, topic, mode=None):
        received = Received()
        _, received.operation = self.v2.subscribe_to_topic(
            topic=topic, receive_mode=mode, stream_handler=received
        )
        return received


@pytest.fixture
def component():
    made = []

    def make(served, name, *resources, **more):
        made.append(Component(served, name, *(resources or ("*",)), **more))
        return made[-1]

    yield make
    for each in made:
        each.v2.close().exception(DEADLINE_S)


def texts(received, count):
    return [received.next().json_message.message["text"] for _ in range(count)]


# -- what arrives


@pytest.mark.parametrize(
    "document", [{"a": [1, 2.5, None, True, "ü\n"]}, {}, {"ü😀": "\u2028"}, {"deep": {"x": [[]]}}]
)
def test_json_arrives_as_it_was_sent(served, component, document):
    a, b = component(served, A), component(served, B)
    received = b.subscribe("a/b")
    a.publish("a/b", json_message=model.JsonMessage(message=document))
    event = received.next()
    assert event.json_message.message == document
    assert event.json_message.context.topic == "a/b"
    assert event.binary_message is None


@pytest.mark.parametrize("data", [b"", bytes(range(256)), b"x" * 3_000_000])
def test_binary_arrives_as_it_was_sent(served, component, data):
    a, b = component(served, A), component(served, B)
    received = b.subscribe("a/b")
    a.publish("a/b", binary_message=model.BinaryMessage(message=data))
    event = received.next()
    assert event.binary_message.message == data
    assert event.binary_message.context.topic == "a/b"
    assert event.json_message is None


def test_seventeen_megabytes_arrive(served, component):
    a, b = component(served, A), component(served, B)
    received, data = b.subscribe("large"), bytes(17 * 1024 * 1024)
    a.publish("large", binary_message=model.BinaryMessage(message=data))
    assert received.events.get(timeout=60).binary_message.message == data
    a.say("large", "still there")
    assert texts(received, 1) == ["still there"]


def test_the_first_client_of_the_sdk(served, component):
    a, b = component(served, A), component(served, B)
    received = Received()
    operation = b.v1.new_subscribe_to_topic(received)
    operation.activate(model.SubscribeToTopicRequest(topic="a/+"))
    operation.get_response().result(DEADLINE_S)
    publish = a.v1.new_publish_to_topic()
    message = model.PublishMessage(binary_message=model.BinaryMessage(message=b"\x00x"))
    publish.activate(model.PublishToTopicRequest(topic="a/b", publish_message=message))
    assert publish.get_response().result(DEADLINE_S) == model.PublishToTopicResponse()
    assert received.next().binary_message.message == b"\x00x"
    operation.close().result(DEADLINE_S)
    assert received.closed.get(timeout=DEADLINE_S)


def test_order_is_kept(served, component):
    a, b = component(served, A), component(served, B)
    received = b.subscribe("a/#")
    for number in range(200):
        a.say(f"a/{number % 3}", number)
    assert texts(received, 200) == list(range(200))


# -- who gets it


@pytest.mark.parametrize(
    ("topic", "mode", "expected"),
    [
        ("a/b", None, ["own", "other"]),
        ("a/+", None, ["other"]),
        ("#", None, ["other"]),
        ("a/b", "RECEIVE_MESSAGES_FROM_OTHERS", ["other"]),
        ("a/#", "RECEIVE_ALL_MESSAGES", ["own", "other"]),
    ],
)
def test_receive_modes(served, component, topic, mode, expected):
    a, b, also_a = component(served, A), component(served, B), component(served, A)
    received = a.subscribe(topic, mode)
    also_a.say("a/b", "own")
    b.say("a/b", "other")
    assert texts(received, len(expected)) == expected
    assert received.events.empty()


def test_wildcards_and_several_streams(served, component):
    a, b = component(served, A), component(served, B)
    one, rest, exact, again = (b.subscribe(t) for t in ("a/+", "a/#", "a/b", "a/b/"))
    for topic in ("a", "a/b", "a/b/c", "a/b/"):
        a.say(topic, topic)
    a.say("a/b", "end")
    assert texts(one, 3) == texts(exact, 3) == texts(again, 3) == ["a/b", "a/b/", "end"]
    assert texts(rest, 4) == ["a/b", "a/b/c", "a/b/", "end"]


def test_a_closed_stream_gets_nothing_more(served, component, eventually):
    a, b = component(served, A), component(served, B)
    first, second = b.subscribe("t"), b.subscribe("t")
    first.operation.close().result(DEADLINE_S)
    assert first.closed.get(timeout=DEADLINE_S)
    a.say("t", "x")
    assert texts(second, 1) == ["x"]
    assert first.events.empty()
    b.v2.close().result(DEADLINE_S)
    eventually(lambda: served.server.connection_count == 1)
    eventually(lambda: served.pubsub.is_idle)


def test_nobody_has_to_listen(served, component):
    component(served, A).say("t", "x")


def test_the_core_publishes_too(served, component):
    b = component(served, B)
    received = b.subscribe("shadow/+")
    message = {"binaryMessage": {"message": b'{"state":{}}'}}
    sent = served.call(
        lambda: served.pubsub.publish("aws.greengrass.ShadowManager", "shadow/x", message)
    )
    assert sent == 1
    assert received.next().binary_message.message == b'{"state":{}}'


# -- what is refused


@pytest.mark.parametrize("topic", ["a/+", "a/#", "a*b", "x" * 2000])
def test_topics_that_are_none(served, component, topic):
    with pytest.raises(model.InvalidArgumentsError):
        component(served, A).say(topic, "x")


def test_an_empty_topic_is_never_allowed(served, component):
    a = component(served, A)
    with pytest.raises(model.UnauthorizedError):
        a.say("", "x")
    with pytest.raises(model.UnauthorizedError):
        a.subscribe("")


def test_missing_and_wrong_members(served, component):
    a = component(served, A)
    message = model.PublishMessage(json_message=model.JsonMessage(message={}))
    for refused, text in (
        (lambda: a.v2.publish_to_topic(topic="a"), "publishMessage is required"),
        (
            lambda: a.v2.publish_to_topic(topic="a", publish_message=model.PublishMessage()),
            "exactly one of",
        ),
        (lambda: a.v2.publish_to_topic(publish_message=message), "topic is required"),
        (lambda: a.subscribe("a", "SOME"), "receiveMode has to be one of"),
    ):
        with pytest.raises(model.InvalidArgumentsError) as caught:
            refused()
        assert text in caught.value.message


@pytest.mark.parametrize("resource", ["a/b", "odd$name"])
def test_a_denied_publish_says_what_would_allow_it(served, component, caplog, resource):
    a = component(served, A, "other/*")
    text = f"Principal {A} is not authorized to perform {PUBSUB}:{PUBLISH} on resource {resource}"
    with pytest.raises(model.UnauthorizedError) as caught:
        a.say(resource, "x")
    assert caught.value.message == text
    [line] = [record.getMessage() for record in caplog.records if text in record.getMessage()]
    remedy = json.loads(line.partition("this would allow it: ")[2])
    served.policies[A] = remedy["accessControl"]
    a.say(resource, "now")
    with pytest.raises(model.UnauthorizedError):
        a.say("another", "x")


def test_a_denied_subscription(served, component, caplog):
    b = component(served, B, "a/*", operations=[PUBLISH])
    with pytest.raises(model.UnauthorizedError) as caught:
        b.subscribe("a/#")
    assert f"{SUBSCRIBE} on resource a/#" in caught.value.message
    assert SUBSCRIBE in caplog.text
    served.policies[B] = json.dumps(control("a/#", operations=[SUBSCRIBE]))
    received = b.subscribe("a/#")
    component(served, A).say("a/b", "x")
    assert texts(received, 1) == ["x"]
    with pytest.raises(model.UnauthorizedError):
        b.say("a/b", "x")


def test_rights_that_are_taken_away_count_for_the_next_call(served, component):
    a = component(served, A)
    for _ in range(3):
        a.say("t", "x")
    served.policies[A] = control("other")
    with pytest.raises(model.UnauthorizedError):
        a.say("t", "x")


# -- on the wire


def test_the_answer_of_a_publish_is_that_of_any_operation(served, raw):
    served.policies[A] = control("*")
    client = raw(served, served.component_token(A))
    quick = {"topic": "t", "publishMessage": {"binaryMessage": {"message": "AA=="}}}
    ordinary = {"topic": "t", "publishMessage": {"binaryMessage": {}}}
    client.send(rpc.request(1, SUBSCRIBE, b'{"topic":"t"}'))
    assert rpc.envelope(client.receive())[:3] == (0, 0, 1)
    for stream, members in enumerate((quick, ordinary), 2):
        client.send(rpc.request(stream, PUBLISH, rpc.to_json(members)))
        event, answer = client.receive(), client.receive()
        model_name = "aws.greengrass#SubscriptionResponseMessage"
        assert rpc.envelope(event) == (0, 0, 1, None, model_name)
        assert json.loads(event.payload)["binaryMessage"]["context"] == {"topic": "t"}
        assert rpc.envelope(answer) == (0, 2, stream, None, f"{PUBLISH}Response")
        assert answer.headers[":content-type"] == "application/json"
        assert answer.payload == b"{}"
