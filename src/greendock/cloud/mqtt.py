"""The core's MQTT client: one connection for all components, made when the first of them needs it.

Keeps subscriptions over reconnects and messages of QoS 1 while there is no connection; shares one
subscription between all who want the same filter. Holds no rights (the IPC operations check them)
and no library (crt_link.py). Lives on the event loop of the core.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from greendock.base.errors import GreendockError
from greendock.cloud.errors import MqttOffline
from greendock.cloud.outbox import Outbox
from greendock.cloud.ports import Link, LinkEvents, LinkOptions
from greendock.cloud.subscriptions import SharedFilter, Subscriber, Subscriptions
from greendock.cloud.topics import check_filter, check_message
from greendock.config.mqtt_settings import MqttSettings
from greendock.net.mqtt import MqttError, MqttMessage

_log = logging.getLogger("greendock.cloud")

_FLUSH_DEADLINE_S = 5.0
_RESUBSCRIBE_AT_ONCE = 8
"""AWS IoT Core takes no more in one go."""

LinkMaker = Callable[[LinkOptions, LinkEvents], Link]


def _crt_link(options: LinkOptions, events: LinkEvents) -> Link:
    from greendock.cloud.crt_link import CrtLink

    return CrtLink(options, events)


class MqttClient:
    """`settings` and `options` give what is configured now; `options` raises MqttError and
    ConfigurationError where that isn't enough to connect."""

    def __init__(
        self,
        settings: Callable[[], MqttSettings],
        options: Callable[[], LinkOptions],
        make_link: LinkMaker = _crt_link,
    ) -> None:
        self._settings = settings
        self._options = options
        self._make_link = make_link
        self._link: Link | None = None
        self._in_force: LinkOptions | None = None
        self._changing = asyncio.Lock()
        self._outbox = Outbox(settings)
        self._subscriptions = Subscriptions()
        self._left_behind: set[str] = set()
        self._watchers: dict[int, Callable[[bool], None]] = {}
        self._last_watcher = 0
        self._online = asyncio.Event()
        self._heard = asyncio.Event()
        self._epoch = 0
        self._has_identifiers = False
        self._cause = ""
        self._tasks: set[asyncio.Task[None]] = set()

    # -- called by the operations

    @property
    def is_connected(self) -> bool:
        return self._online.is_set()

    async def publish(self, message: MqttMessage) -> None:
        """Returns when the message is in the spooler. Raises MqttError; MqttOffline for QoS 0
        without a connection."""
        settings = self._settings()
        check_message(message, settings.max_message_bytes)
        await self._connect()
        if not message.qos and not settings.spooler.keep_qos0_when_offline:
            await self._first_news()
            if not self.is_connected:
                raise MqttOffline(
                    f"cannot publish to {message.topic!r}: {self._absence()}; "
                    "messages of QoS 1 would be kept"
                )
        self._outbox.add(message)

    async def subscribe(
        self, topic_filter: str, qos: int, deliver: Callable[[MqttMessage], None]
    ) -> Callable[[], None]:
        """Returns when the broker has agreed, with what ends the subscription. `deliver` may be
        called before that. Raises MqttError."""
        check_filter(topic_filter)
        await self._connect()
        subscriber = Subscriber(deliver, qos)
        shared = self._subscriptions.join(topic_filter, subscriber)
        limit_s = self._settings().operation_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                await self._subscribe(shared, subscriber)
        except TimeoutError:
            self._leave(shared, subscriber)
            why = "the broker does not answer" if self.is_connected else self._absence()
            raise MqttOffline(f"cannot subscribe to {topic_filter!r}: {why}") from None
        except BaseException:
            self._leave(shared, subscriber)
            raise
        return lambda: self._leave(shared, subscriber)

    async def watch(self, changed: Callable[[bool], None]) -> Callable[[], None]:
        """Call `changed` whenever the connection comes (True) or goes, until the returned function
        is called. Raises MqttError."""
        await self._connect()
        self._last_watcher += 1
        number = self._last_watcher
        self._watchers[number] = changed
        return lambda: self._watchers.pop(number, None) and None

    # -- called by the daemon

    def reconsider(self) -> None:
        """The configuration may be another one: a connection that exists follows it."""
        if self._link is not None:
            self._spawn(self._follow())

    async def close(self) -> None:
        """Send what is left, within a short time, and disconnect."""
        if self._link is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FLUSH_DEADLINE_S):
                    await self._heard.wait()
                    if self.is_connected:
                        await self._outbox.drained()
        if len(self._outbox):
            _log.warning("%d MQTT messages were not sent", len(self._outbox))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        async with self._changing:
            await self._disconnect()

    # -- news of the link (`LinkEvents`)

    def connected(self, *, rejoined: bool, has_identifiers: bool) -> None:
        self._epoch += 1
        self._has_identifiers = has_identifiers
        self._cause = ""
        self._online.set()
        self._heard.set()
        if self._in_force is not None:
            _log.info("connected to the MQTT broker %s", _place(self._in_force))
        left_behind = self._left_behind if rejoined else set[str]()
        self._left_behind = set()
        self._spawn(self._catch_up(self._epoch, left_behind))
        self._tell_watchers(True)

    def disconnected(self, cause: str) -> None:
        was_connected = self.is_connected
        if (was_connected or cause != self._cause) and self._in_force is not None:
            _log.warning("no connection to the MQTT broker %s: %s", _place(self._in_force), cause)
        self._cause = cause
        self._online.clear()
        self._heard.set()
        self._outbox.shut()
        if was_connected:
            self._tell_watchers(False)

    def received(self, message: MqttMessage, identifiers: tuple[int, ...]) -> None:
        for subscriber in self._subscriptions.receivers(message, identifiers):
            subscriber.deliver(message)

    # -- the connection

    async def _connect(self) -> Link:
        """The link for what is configured now. Raises MqttError, ConfigurationError."""
        async with self._changing:
            options = self._options()
            if self._link is not None and options == self._in_force:
                return self._link
            await self._disconnect()
            link = self._make_link(options, self)
            self._heard.clear()
            self._link, self._in_force = link, options
            try:
                await link.start()
            except BaseException:
                self._link = self._in_force = None
                raise
            return link

    async def _disconnect(self) -> None:
        link, self._link, self._in_force = self._link, None, None
        if link is None:
            return
        await self._outbox.abandon()
        await link.stop()
        if self.is_connected:
            self.disconnected("the connection was ended here")

    async def _follow(self) -> None:
        try:
            await self._connect()
        except GreendockError as error:
            _log.warning("the MQTT connection is given up: %s", error.explain())
            async with self._changing:
                await self._disconnect()

    async def _first_news(self) -> None:
        """Wait for the outcome of the first try to connect; later ones are not waited for."""
        try:
            async with asyncio.timeout(self._settings().operation_timeout_s):
                await self._heard.wait()
        except TimeoutError:
            self._heard.set()

    async def _catch_up(self, epoch: int, left_behind: set[str]) -> None:
        """After a connection came: subscriptions first, then the messages that waited."""
        link = self._link
        if link is None:
            return
        gate = asyncio.Semaphore(_RESUBSCRIBE_AT_ONCE)
        known = [shared for shared in self._subscriptions if shared.epoch]
        await asyncio.gather(*(self._renew(link, epoch, shared, gate) for shared in known))
        unwanted = sorted(left_behind - {shared.text for shared in self._subscriptions})
        for text in unwanted:
            await self._unsubscribe(link, text)
        if epoch == self._epoch and self.is_connected:
            self._outbox.open(link)

    def _absence(self) -> str:
        place = _place(self._in_force) if self._in_force is not None else "the broker"
        return f"there is no connection to {place}" + (f" ({self._cause})" if self._cause else "")

    def _tell_watchers(self, is_connected: bool) -> None:
        for changed in tuple(self._watchers.values()):
            changed(is_connected)

    # -- subscriptions

    async def _subscribe(self, shared: SharedFilter, subscriber: Subscriber) -> None:
        """Have the broker send what `subscriber` wants, on whichever connection it answers."""
        while True:
            await self._online.wait()
            async with shared.turn:
                link, epoch = self._link, self._epoch
                if link is None or not self.is_connected:
                    continue
                try:
                    return await self._ask(link, shared, subscriber)
                except MqttOffline:
                    if self.is_connected and epoch == self._epoch:
                        raise

    async def _ask(self, link: Link, shared: SharedFilter, subscriber: Subscriber) -> None:
        is_current = shared.epoch == self._epoch
        if is_current and not self._has_identifiers and subscriber.qos <= shared.qos:
            return
        identifier = None
        if self._has_identifiers:
            identifier = self._subscriptions.number(shared, subscriber)
        await self._request(link, shared, identifier, retained=True)

    async def _renew(
        self, link: Link, epoch: int, shared: SharedFilter, gate: asyncio.Semaphore
    ) -> None:
        """Subscribe on this connection as on the one before."""
        async with gate, shared.turn:
            is_due = shared.epoch not in (0, epoch) and epoch == self._epoch
            if not is_due or not shared.subscribers:
                return
            identifier = None
            if self._has_identifiers:
                identifier = self._subscriptions.renumber(shared, shared.subscribers[0])
            try:
                await self._request(link, shared, identifier, retained=False)
            except MqttOffline as error:
                _log.debug("%s", error)
            except MqttError as error:
                _log.error("components get no more messages: %s", error)

    async def _request(
        self, link: Link, shared: SharedFilter, identifier: int | None, *, retained: bool
    ) -> None:
        before, wanted = (shared.epoch, shared.qos), shared.wanted_qos
        # Also when nobody waits for the answer any more, the broker can have subscribed it.
        shared.epoch, shared.qos = self._epoch, wanted
        try:
            await link.subscribe(shared.text, wanted, identifier=identifier, retained=retained)
        except MqttError:
            shared.epoch, shared.qos = before
            raise

    def _leave(self, shared: SharedFilter, subscriber: Subscriber) -> None:
        if self._subscriptions.leave(shared, subscriber):
            self._spawn(self._drop(shared))

    async def _drop(self, shared: SharedFilter) -> None:
        """The last one left: unsubscribe, unless somebody came meanwhile."""
        async with shared.turn:
            if shared.subscribers:
                return
            if shared.epoch and self._link is not None:
                await self._unsubscribe(self._link, shared.text)
            shared.epoch = 0
            self._subscriptions.forget(shared)

    async def _unsubscribe(self, link: Link, topic_filter: str) -> None:
        try:
            if self.is_connected:
                return await link.unsubscribe([topic_filter])
        except MqttError as error:
            _log.debug("%s", error)
        self._left_behind.add(topic_filter)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("the MQTT client failed", exc_info=task.exception())


def _place(options: LinkOptions) -> str:
    return f"{options.broker.host}:{options.broker.port}"
