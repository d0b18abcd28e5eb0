"""A connection to a broker by awscrt's MQTT 5 client, which is imported with the first of them.

The only file that calls that library: its errors become ours here, and its callbacks, which come
on a thread of its own, become calls on the event loop. crt_options.py says how to connect.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from greendock.cloud.crt_options import connection
from greendock.cloud.errors import MqttNotValid, MqttOffline
from greendock.cloud.ports import LinkEvents, LinkOptions
from greendock.net.mqtt import MqttMessage, MqttRefused

_log = logging.getLogger("greendock.cloud")

_FIRST_REFUSAL = 128
_STOP_DEADLINE_S = 5.0
_ARRIVING = 256
"""Messages that the event loop has not seen yet; with more the library waits, and the broker."""
_ARRIVAL_DEADLINE_S = 10.0


class CrtLink:
    """Implements `Link`. Made, started and stopped once, on the event loop of the core."""

    def __init__(self, options: LinkOptions, events: LinkEvents) -> None:
        self._options = options
        self._events: LinkEvents | None = events
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._client: Any = None
        self._is_connected = False
        self._room = threading.Semaphore(_ARRIVING)

    async def start(self) -> None:
        # Files, and an import that takes its time on slow cards.
        self._client = await asyncio.to_thread(self._build)
        if self._events is not None:
            self._client.start()

    async def stop(self) -> None:
        self._events = None
        if self._client is None:
            return
        client, self._client = self._client, None
        client.stop()
        if not self._is_connected:
            # The library may say nothing then: not when it had not begun to connect, and not for
            # half a minute after a server that it does not trust.
            return
        try:
            async with asyncio.timeout(_STOP_DEADLINE_S):
                await self._stopped.wait()
        except TimeoutError:
            _log.warning("the connection to the MQTT broker did not end in time")

    async def publish(self, message: MqttMessage) -> None:
        from awscrt import mqtt5

        properties = [mqtt5.UserProperty(key, value) for key, value in message.user_properties]
        packet = mqtt5.PublishPacket(
            topic=message.topic,
            payload=message.payload,
            qos=mqtt5.QoS(message.qos),
            retain=message.retain,
            user_properties=properties or None,
            message_expiry_interval_sec=message.expiry_s,
            correlation_data_bytes=message.correlation_data,
            response_topic=message.response_topic,
            content_type=message.content_type,
        )
        if message.payload_format is not None:
            packet.payload_format_indicator = mqtt5.PayloadFormatIndicator(message.payload_format)
        what = f"cannot publish to {message.topic!r}"
        done = await self._ask(what, lambda client: client.publish(packet))
        if message.qos:
            _check(what, done.puback.reason_code, done.puback.reason_string)

    async def subscribe(
        self, topic_filter: str, qos: int, *, identifier: int | None, retained: bool
    ) -> None:
        from awscrt import mqtt5

        handling = mqtt5.RetainHandlingType
        subscription = mqtt5.Subscription(
            topic_filter,
            mqtt5.QoS(qos),
            retain_handling_type=handling.SEND_ON_SUBSCRIBE
            if retained
            else handling.SEND_ON_SUBSCRIBE_IF_NEW,
        )
        packet = mqtt5.SubscribePacket([subscription], subscription_identifier=identifier)
        what = f"cannot subscribe to {topic_filter!r}"
        answer = await self._ask(what, lambda client: client.subscribe(packet))
        _check(what, answer.reason_codes[0], answer.reason_string)

    async def unsubscribe(self, topic_filters: Sequence[str]) -> None:
        from awscrt import mqtt5

        packet = mqtt5.UnsubscribePacket(list(topic_filters))
        await self._ask("cannot unsubscribe", lambda client: client.unsubscribe(packet))

    async def _ask(self, what: str, ask: Callable[[Any], Future[Any]]) -> Any:
        """One request. Who stops waiting doesn't stop the request: the library can't do that."""
        if self._client is None:
            raise MqttOffline(f"{what}: there is no connection")
        try:
            return await asyncio.shield(asyncio.wrap_future(ask(self._client)))
        except Exception as error:
            # awscrt raises more than its own errors; each says that the request got no answer.
            if "VALIDATION" in str(getattr(error, "name", "")):
                raise MqttNotValid(
                    f"{what}: the broker does not take it: {_cause(error)}"
                ) from error
            raise MqttOffline(f"{what}: {_cause(error)}") from error

    def _build(self) -> Any:
        from awscrt import mqtt5

        return mqtt5.Client(
            mqtt5.ClientOptions(
                **connection(self._options),
                on_publish_callback_fn=self._on_publish,
                on_lifecycle_event_stopped_fn=self._on_stopped,
                on_lifecycle_event_connection_success_fn=self._on_connected,
                on_lifecycle_event_connection_failure_fn=self._on_failed,
                on_lifecycle_event_disconnection_fn=self._on_disconnected,
            )
        )

    # -- called by the library, on its thread

    def _on_publish(self, data: Any) -> None:
        packet = data.publish_packet
        message = MqttMessage(
            topic=packet.topic,
            payload=bytes(packet.payload or b""),
            qos=int(packet.qos or 0),
            retain=bool(packet.retain),
            user_properties=tuple(
                (each.name, each.value) for each in packet.user_properties or ()
            ),
            expiry_s=packet.message_expiry_interval_sec,
            correlation_data=packet.correlation_data_bytes,
            response_topic=packet.response_topic,
            payload_format=_number(packet.payload_format_indicator),
            content_type=packet.content_type,
        )
        identifiers = tuple(packet.subscription_identifiers or ())
        if not self._room.acquire(timeout=_ARRIVAL_DEADLINE_S):
            _log.warning("an MQTT message to %r is dropped: the core is too busy", message.topic)
            return

        def receive(events: LinkEvents) -> None:
            events.received(message, identifiers)

        self._tell(receive, self._room.release)

    def _on_connected(self, data: Any) -> None:
        self._is_connected = True
        settings = data.negotiated_settings
        rejoined = bool(settings.rejoined_session)
        marks = bool(settings.subscription_identifiers_available)
        self._tell(lambda events: events.connected(rejoined=rejoined, has_identifiers=marks))

    def _on_failed(self, data: Any) -> None:
        answer = data.connack_packet
        cause = _cause(data.exception)
        if answer is not None and answer.reason_code:
            words = f" ({answer.reason_string})" if answer.reason_string else ""
            cause = f"the broker refuses the connection: {answer.reason_code.name}{words}"
        self._tell(lambda events: events.disconnected(cause))

    def _on_disconnected(self, data: Any) -> None:
        self._is_connected = False
        answer = data.disconnect_packet
        cause = _cause(data.exception)
        if answer is not None and answer.reason_code is not None:
            words = f" ({answer.reason_string})" if answer.reason_string else ""
            cause = f"the broker ended the connection: {answer.reason_code.name}{words}"
        self._tell(lambda events: events.disconnected(cause))

    def _on_stopped(self, _data: Any) -> None:
        self._is_connected = False
        self._on_loop(self._stopped.set)

    def _tell(
        self, tell: Callable[[LinkEvents], None], then: Callable[[], None] | None = None
    ) -> None:
        def on_loop() -> None:
            if then is not None:
                then()
            if self._events is not None:
                tell(self._events)

        self._on_loop(on_loop)

    def _on_loop(self, action: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(action)
        except RuntimeError:
            _log.debug("news of the MQTT broker came after the end of the core")


def _check(what: str, code: Any, reason: str | None) -> None:
    number = _number(code)
    if number is None or number >= _FIRST_REFUSAL:
        raise MqttRefused(what, _FIRST_REFUSAL if number is None else number, reason)


def _number(code: Any) -> int | None:
    return None if code is None else int(code)


def _cause(error: object) -> str:
    name, message = getattr(error, "name", None), getattr(error, "message", None)
    if name and message:
        return f"{message} ({name})"
    return f"{type(error).__name__}: {error}"
