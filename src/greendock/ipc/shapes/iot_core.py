"""MQTT messages to and from AWS IoT Core, or the broker that stands in for it."""

from __future__ import annotations

from greendock.ipc.kinds import Choice, ListOf, Scalar, structure
from greendock.ipc.shapes.operation import ARGUMENTS, SERVICE, UNAUTHORIZED, Access, operation

MQTT_SERVICE = "aws.greengrass.ipc.mqttproxy"

_TOPIC = Access(MQTT_SERVICE, "topicName", is_topic=True)
_QOS = Choice(("0", "1"))
_PROPERTY = structure(key=Scalar.STRING, value=Scalar.STRING)

ROWS = (
    operation(
        "PublishToIoTCore",
        structure(
            {"topicName": Scalar.STRING, "qos": _QOS},
            payload=Scalar.BLOB,
            retain=Scalar.BOOLEAN,
            userProperties=ListOf(_PROPERTY),
            messageExpiryIntervalSeconds=Scalar.INTEGER,
            correlationData=Scalar.BLOB,
            responseTopic=Scalar.STRING,
            payloadFormat=Choice(("0", "1")),
            contentType=Scalar.STRING,
        ),
        _TOPIC,
        SERVICE,
        UNAUTHORIZED,
        ARGUMENTS,
    ),
    operation(
        "SubscribeToIoTCore",
        structure({"topicName": Scalar.STRING, "qos": _QOS}),
        _TOPIC,
        SERVICE,
        UNAUTHORIZED,
        ARGUMENTS,
        event="IoTCoreMessage",
    ),
    operation(
        "SubscribeToIoTCoreConnectionStatus",
        structure(),
        None,
        SERVICE,
        event="IoTCoreConnectionStatusEvent",
    ),
)
