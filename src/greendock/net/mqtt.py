"""An MQTT message and what a broker says to a refused request, as data.

Shared by the client of the broker (cloud) and by the operations that publish and subscribe for
components (ipc), which don't know each other.
"""
# ruff: noqa: N818 - the name says what is the case; the base class says that it is an error

from __future__ import annotations

from dataclasses import dataclass

from greendock.base.errors import GreendockError


@dataclass(frozen=True, slots=True)
class MqttMessage:
    """A PUBLISH of MQTT 5. `user_properties` keep their order and may repeat a key.

    `payload_format`: 1 for text in UTF-8, 0 for bytes, None for not said.
    """

    topic: str
    payload: bytes = b""
    qos: int = 0
    retain: bool = False
    user_properties: tuple[tuple[str, str], ...] = ()
    expiry_s: int | None = None
    correlation_data: bytes | None = None
    response_topic: str | None = None
    payload_format: int | None = None
    content_type: str | None = None


class MqttError(GreendockError):
    """A message or a subscription can't be had."""

    default_codes: tuple[str, ...] = ("NETWORK_ERROR",)


class MqttRefused(MqttError):
    """The broker refused it, with the reason code of MQTT 5 and its words, where it gave any."""

    def __init__(self, message: str, reason_code: int, reason: str | None = None) -> None:
        words = f": {reason}" if reason else ""
        super().__init__(f"{message}: reason code {reason_code}{words}")
        self.reason_code = reason_code
        self.reason = reason
