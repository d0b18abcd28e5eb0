"""Publish and subscribe, locally and by MQTT."""

from __future__ import annotations

from typing import Any

from awsiot.greengrasscoreipc import model
from checks import binary, case, refused, unique


@case("publish_to_topic", "subscribe_to_topic")
def messages_arrive(client: Any) -> None:
    topic = unique(client, "a/b")
    stream = client.subscribe("subscribe_to_topic", topic=topic)
    client.call("publish_to_topic", topic=topic, publish_message=binary(b"\x00\xffbytes"))
    event = stream.next().binary_message
    assert event.message == b"\x00\xffbytes", event
    assert event.context.topic == topic, event
    document = {"a": [1, None, {"b": "ü"}], "none": None}
    message = model.PublishMessage(json_message=model.JsonMessage(message=document))
    client.call("publish_to_topic", topic=topic, publish_message=message)
    assert stream.next().json_message.message == document
    stream.close()


@case("subscribe_to_topic")
def wildcards_and_receive_modes(client: Any) -> None:
    topic = unique(client, "w")
    wild = topic.rpartition("/")[0] + "/+"
    others = client.subscribe("subscribe_to_topic", topic=wild)
    everything = client.subscribe(
        "subscribe_to_topic", topic=wild, receive_mode=model.ReceiveMode.RECEIVE_ALL_MESSAGES
    )
    client.call("publish_to_topic", topic=topic, publish_message=binary(b"own"))
    assert everything.next().binary_message.message == b"own"
    assert others.is_silent()
    for stream in (others, everything):
        stream.close()


@case(fails=("publish_to_topic", "subscribe_to_topic"))
def topics_that_will_not_do(client: Any) -> None:
    refused(
        model.InvalidArgumentsError,
        client.call,
        "publish_to_topic",
        topic="a/#",
        publish_message=binary(b""),
    )
    refused(
        (model.InvalidArgumentsError, model.UnauthorizedError),
        client.subscribe,
        "subscribe_to_topic",
        topic="",
    )


@case(
    "publish_to_iot_core",
    "subscribe_to_iot_core",
    "subscribe_to_iot_core_connection_status",
    fails=("publish_to_iot_core", "subscribe_to_iot_core"),
)
def mqtt_messages_go_round(client: Any) -> None:
    topic = unique(client, "m")
    stream = client.subscribe(
        "subscribe_to_iot_core", topic_name=topic, qos=model.QOS.AT_LEAST_ONCE
    )
    properties = [model.UserProperty(key="k", value=value) for value in ("1", "2")]
    client.call(
        "publish_to_iot_core",
        topic_name=topic,
        qos=model.QOS.AT_LEAST_ONCE,
        payload=b"\x00payload",
        user_properties=properties,
        content_type="text/x",
    )
    message = stream.next().message
    assert (message.topic_name, message.payload) == (topic, b"\x00payload"), message
    assert [(row.key, row.value) for row in message.user_properties] == [("k", "1"), ("k", "2")]
    assert message.content_type == "text/x", message
    stream.close()
    status = client.subscribe("subscribe_to_iot_core_connection_status")
    assert status.next().connection_status_event.status == "CONNECTED"
    status.close()
    for members in ({"topic_name": "a/#"}, {"topic_name": "x" * 257}):
        refused(
            (model.ServiceError, model.InvalidArgumentsError),
            client.call,
            "publish_to_iot_core",
            qos=model.QOS.AT_MOST_ONCE,
            payload=b"",
            **members,
        )
    refused(
        (model.ServiceError, model.InvalidArgumentsError, model.UnauthorizedError),
        client.subscribe,
        "subscribe_to_iot_core",
        topic_name="",
        qos=model.QOS.AT_MOST_ONCE,
    )
