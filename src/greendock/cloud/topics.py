"""Topic names and filters: what AWS IoT Core takes, and which filter matches which topic; pure.

The limits are those of AWS IoT Core, also where a broker of one's own would take more, so that a
component that works here works there.
"""

from __future__ import annotations

import re

from greendock.cloud.errors import MqttNotValid
from greendock.net.mqtt import MqttMessage

MAX_TOPIC_BYTES = 256
MAX_SLASHES = 7
MAX_TEXT_BYTES = 65535
"""Of a text or of binary data in MQTT's own properties."""
MAX_EXPIRY_S = (1 << 32) - 1

_RULE = re.compile(r"\$aws/rules/[^/]+/", re.IGNORECASE)
_SHARED = re.compile(r"\$share/[^/+#]+/", re.IGNORECASE)


def check_message(message: MqttMessage, max_bytes: int) -> None:
    """Raises MqttNotValid. `max_bytes`: of the payload."""
    what = f"cannot publish to topic {message.topic[:MAX_TOPIC_BYTES]!r}"
    _check_topic(what, message.topic)
    if len(message.payload) > max_bytes:
        size = len(message.payload)
        raise MqttNotValid(f"{what}: its payload has {size} bytes, {max_bytes} are allowed")
    if message.response_topic is not None:
        _check_topic(f"{what}: its response topic can't be used", message.response_topic)
    if message.expiry_s is not None and not 0 <= message.expiry_s <= MAX_EXPIRY_S:
        raise MqttNotValid(f"{what}: {message.expiry_s} s is no time until a message expires")
    texts = [text for pair in message.user_properties for text in pair]
    if message.content_type is not None:
        texts.append(message.content_type)
    sizes = [len(text.encode()) for text in texts]
    sizes.append(len(message.correlation_data or b""))
    if any("\0" in text for text in texts) or max(sizes) > MAX_TEXT_BYTES:
        raise MqttNotValid(f"{what}: a property is longer than {MAX_TEXT_BYTES} bytes or has NUL")


def check_filter(topic_filter: str) -> None:
    """Raises MqttNotValid."""
    what = f"cannot subscribe to {topic_filter[:MAX_TOPIC_BYTES]!r}"
    inner = _SHARED.sub("", topic_filter, count=1)
    _check_size(what, inner)
    levels = inner.split("/")
    for number, level in enumerate(levels):
        is_wildcard = level == "+" or (level == "#" and number == len(levels) - 1)
        if ("+" in level or "#" in level) and not is_wildcard:
            raise MqttNotValid(f"{what}: + stands for one whole level, # for the last ones")


def _check_topic(what: str, topic: str) -> None:
    if "+" in topic or "#" in topic:
        raise MqttNotValid(f"{what}: a topic to publish to can't have wildcards")
    _check_size(what, topic)


def _check_size(what: str, topic: str) -> None:
    counted = _RULE.sub("", topic, count=1)
    if not counted or "\0" in topic:
        raise MqttNotValid(f"{what}: it is empty or has NUL")
    size = len(counted.encode())
    if size > MAX_TOPIC_BYTES:
        raise MqttNotValid(f"{what}: it has {size} bytes, {MAX_TOPIC_BYTES} are allowed")
    is_reserved = counted.lower().startswith("$aws/")
    if not is_reserved and counted.count("/") > MAX_SLASHES:
        raise MqttNotValid(f"{what}: it has more than {MAX_SLASHES} slashes")


def matches(topic_filter: str, topic: str) -> bool:
    """Whether `topic_filter`, which may be a shared one, matches; both are valid."""
    wanted = _SHARED.sub("", topic_filter, count=1).split("/")
    levels = topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for number, level in enumerate(wanted):
        if level == "#":
            return True
        if number >= len(levels) or level not in ("+", levels[number]):
            return False
    return len(wanted) == len(levels)
