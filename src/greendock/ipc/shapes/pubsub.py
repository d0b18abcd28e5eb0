"""Local publish/subscribe between components."""

from __future__ import annotations

from greendock.ipc.kinds import Choice, Scalar, structure, union
from greendock.ipc.shapes.operation import ARGUMENTS, SERVICE, UNAUTHORIZED, Access, operation

PUBSUB_SERVICE = "aws.greengrass.ipc.pubsub"

_CONTEXT = structure(topic=Scalar.STRING)
MESSAGE = union(
    jsonMessage=structure(message=Scalar.DOCUMENT, context=_CONTEXT),
    binaryMessage=structure(message=Scalar.BLOB, context=_CONTEXT),
)
RECEIVE_MODE = Choice(("RECEIVE_ALL_MESSAGES", "RECEIVE_MESSAGES_FROM_OTHERS"))
_TOPIC = Access(PUBSUB_SERVICE, "topic")

ROWS = (
    operation(
        "PublishToTopic",
        structure({"topic": Scalar.STRING, "publishMessage": MESSAGE}),
        _TOPIC,
        SERVICE,
        UNAUTHORIZED,
        ARGUMENTS,
    ),
    operation(
        "SubscribeToTopic",
        structure({"topic": Scalar.STRING}, receiveMode=RECEIVE_MODE),
        _TOPIC,
        ARGUMENTS,
        SERVICE,
        UNAUTHORIZED,
        event="SubscriptionResponseMessage",
    ),
)
