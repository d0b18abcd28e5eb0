"""What can keep a message or a subscription from the broker, as types.

MqttError (net/mqtt.py)
├── MqttRefused         the broker said no, with its reason code
├── MqttNotConfigured   no broker, or not all that a connection to it needs
├── MqttNotValid        a topic, filter or message that AWS IoT Core would not take
├── MqttOffline         no connection to the broker, or it ended before the answer
└── SpoolFull           no room for another message until some of them are sent

Raised in this package; the IPC operations answer ServiceError with their texts.
"""
# ruff: noqa: N818 - the names say what is the case; the base class says that they are errors

from __future__ import annotations

from greendock.base.errors import Retry
from greendock.net.mqtt import MqttError


class MqttNotConfigured(MqttError):
    """The configuration has to say more."""

    default_codes = ("COMPONENT_CONFIGURATION_NOT_VALID",)


class MqttNotValid(MqttError):
    """The request itself can't be carried out, now or later."""

    default_codes = ("BAD_REQUEST",)


class MqttOffline(MqttError):
    """Trying again when the connection is back can help."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry=Retry.WHEN_ONLINE)


class SpoolFull(MqttError):
    """The spooler has no room."""

    default_codes = ()
