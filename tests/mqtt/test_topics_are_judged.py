"""Topic names and filters: what is valid, and what matches what."""

from __future__ import annotations

import pytest

from greendock.cloud.errors import MqttNotValid
from greendock.cloud.topics import check_filter, check_message, matches
from greendock.net.mqtt import MqttMessage


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/B", False),
        ("a/b", "a/b/c", False),
        ("a/b/c", "a/b", False),
        ("#", "a/b", True),
        ("a/#", "a", True),
        ("a/#", "a/", True),
        ("a/#", "ab", False),
        ("+", "a", True),
        ("+", "", True),
        ("+", "a/b", False),
        ("+/+", "/b", True),
        ("a/+/c", "a//c", True),
        ("a/+", "a", False),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("$share/group/a/+", "a/b", True),
        ("$share/group/#", "$SYS/x", False),
    ],
)
def test_filters_match_as_mqtt_says(topic_filter: str, topic: str, expected: bool) -> None:
    assert matches(topic_filter, topic) is expected


@pytest.mark.parametrize(
    "topic",
    [
        "x" * 256,
        "1/2/3/4/5/6/7/8",
        "$aws/rules/my-rule/1/2/3/4/5/6/7/8",
        "$aws/rules/my-rule/" + "x" * 256,
        "$aws/things/thing/shadow/name/one/update/documents/more",
        "/",
        "ü" * 128,
    ],
)
def test_topics_within_the_limits_pass(topic: str) -> None:
    check_message(MqttMessage(topic), 10)
    check_filter(topic)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "x" * 257,
        "ü" * 129,
        "1/2/3/4/5/6/7/8/9",
        "$aws/rules/my-rule/",
        "$aws/rules/my-rule/1/2/3/4/5/6/7/8/9",
        "a\0",
    ],
)
def test_topics_beyond_the_limits_are_refused(topic: str) -> None:
    with pytest.raises(MqttNotValid):
        check_message(MqttMessage(topic), 10)
    with pytest.raises(MqttNotValid):
        check_filter(topic)


@pytest.mark.parametrize("topic_filter", ["#", "+", "a/#", "+/a/+", "$share/g/1/2/3/4/5/6/7/#"])
def test_wildcards_are_for_filters(topic_filter: str) -> None:
    check_filter(topic_filter)
    with pytest.raises(MqttNotValid, match="wildcards"):
        check_message(MqttMessage(topic_filter), 10)


@pytest.mark.parametrize("topic_filter", ["a#", "#/a", "a/b+", "+a", "a/#/b", "$share/g/"])
def test_wildcards_in_wrong_places_are_refused(topic_filter: str) -> None:
    with pytest.raises(MqttNotValid):
        check_filter(topic_filter)


@pytest.mark.parametrize(
    "message",
    [
        MqttMessage("a", b"12345678901"),
        MqttMessage("a", response_topic="b/+"),
        MqttMessage("a", response_topic=""),
        MqttMessage("a", expiry_s=-1),
        MqttMessage("a", expiry_s=1 << 32),
        MqttMessage("a", content_type="x" * 65536),
        MqttMessage("a", correlation_data=b"x" * 65536),
        MqttMessage("a", user_properties=(("k", "a\0b"),)),
    ],
)
def test_what_no_broker_takes_is_refused(message: MqttMessage) -> None:
    with pytest.raises(MqttNotValid):
        check_message(message, 10)


def test_what_a_broker_takes_passes() -> None:
    check_message(
        MqttMessage(
            "a",
            b"1234567890",
            user_properties=(("", ""), ("k" * 65535, "v")),
            expiry_s=(1 << 32) - 1,
            correlation_data=b"x" * 65535,
            response_topic="b",
            content_type="text/plain",
        ),
        10,
    )
