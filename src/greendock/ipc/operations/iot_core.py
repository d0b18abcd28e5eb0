"""MQTT for components: PublishToIoTCore, SubscribeToIoTCore, SubscribeToIoTCoreConnectionStatus.

Turns members into messages and back; the connection, its limits and its spooler are behind the
`IotCore` port. Messages for a reader that is too slow are dropped and counted by its connection.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable
from typing import Any

from greendock.ipc.calls import Call, EventSink, Handler, Members, Subscription
from greendock.ipc.errors import MAX_TEXT, OperationError, invalid_arguments, service_error
from greendock.ipc.ports import IotCore
from greendock.ipc.rpc import NAMESPACE
from greendock.net.mqtt import MqttMessage, MqttRefused

_EARLY_MESSAGES = 1000
"""Kept for a subscriber until its answer is out, such as retained messages."""


class IotCoreOperations:
    """Handlers over the `IotCore` port; a core may lack it."""

    def __init__(self, iot_core: IotCore | None) -> None:
        self._port = iot_core

    def handlers(self) -> dict[str, Handler]:
        return {
            f"{NAMESPACE}PublishToIoTCore": self.publish,
            f"{NAMESPACE}SubscribeToIoTCore": self.subscribe,
            f"{NAMESPACE}SubscribeToIoTCoreConnectionStatus": self.watch,
        }

    async def publish(self, call: Call) -> Members:
        message = _message(call.members)
        try:
            await self._iot_core.publish(message)
        except MqttRefused as error:
            raise _refused(error) from error
        return {}

    async def subscribe(self, call: Call) -> Subscription:
        feed = _Feed()
        topic_filter, qos = call.members["topicName"], int(call.members["qos"])
        try:
            end = await self._iot_core.subscribe(topic_filter, qos, feed.deliver)
        except MqttRefused as error:
            raise _refused(error) from error

        def start(sink: EventSink) -> Callable[[], None]:
            feed.open(sink)
            return end

        return Subscription(start, {})

    async def watch(self, _call: Call) -> Subscription:
        iot_core = self._iot_core
        sinks: list[EventSink] = []

        def changed(is_connected: bool) -> None:
            status = "CONNECTED" if is_connected else "DISCONNECTED"
            for sink in sinks:
                sink.send({"connectionStatusEvent": {"status": status}})

        end = await iot_core.watch(changed)

        def start(sink: EventSink) -> Callable[[], None]:
            sinks.append(sink)
            changed(iot_core.is_connected)
            return end

        return Subscription(start, {})

    @property
    def _iot_core(self) -> IotCore:
        if self._port is None:
            raise service_error("messages to AWS IoT Core are not available on this core")
        return self._port


class _Feed:
    """Messages on their way to one stream; those that come before its answer wait."""

    def __init__(self) -> None:
        self._early: deque[MqttMessage] = deque(maxlen=_EARLY_MESSAGES)
        self._sink: EventSink | None = None

    def deliver(self, message: MqttMessage) -> None:
        if self._sink is None:
            self._early.append(message)
        else:
            self._sink.send({"message": _members(message)}, droppable=True)

    def open(self, sink: EventSink) -> None:
        self._sink = sink
        while self._early:
            self.deliver(self._early.popleft())


def _refused(error: MqttRefused) -> OperationError:
    context: dict[str, Any] = {"reasonCode": error.reason_code}
    if error.reason is not None:
        context["reasonString"] = error.reason[:MAX_TEXT]
    return service_error(error.explain(), context)


def _message(members: Members) -> MqttMessage:
    """Without a payload it is an empty one, which is what clears a retained message."""
    expiry_s = members.get("messageExpiryIntervalSeconds")
    if expiry_s is not None and expiry_s < 0:
        raise invalid_arguments("messageExpiryIntervalSeconds can't be negative")
    return MqttMessage(
        topic=members["topicName"],
        payload=_bytes(members.get("payload")) or b"",
        qos=int(members["qos"]),
        retain=members.get("retain", False),
        user_properties=tuple(
            (each.get("key", ""), each.get("value", ""))
            for each in members.get("userProperties", ())
        ),
        expiry_s=expiry_s,
        correlation_data=_bytes(members.get("correlationData")),
        response_topic=members.get("responseTopic"),
        payload_format=int(members["payloadFormat"]) if "payloadFormat" in members else None,
        content_type=members.get("contentType"),
    )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _members(message: MqttMessage) -> dict[str, Any]:
    """As an event has them; what the message doesn't say is left out."""
    correlation, payload_format = message.correlation_data, message.payload_format
    optional = {
        "userProperties": [{"key": key, "value": value} for key, value in message.user_properties]
        or None,
        "messageExpiryIntervalSeconds": message.expiry_s,
        "correlationData": None if correlation is None else _text(correlation),
        "responseTopic": message.response_topic,
        "payloadFormat": None if payload_format is None else str(payload_format),
        "contentType": message.content_type,
    }
    return {
        "topicName": message.topic,
        "payload": _text(message.payload),
        "retain": message.retain,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
