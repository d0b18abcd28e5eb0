"""Brokers like AWS IoT Core, which don't mark messages with our subscriptions; by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from mqtt_scene import Status

from greendock.cloud.errors import MqttNotConfigured
from greendock.cloud.mqtt import MqttClient
from greendock.cloud.ports import LinkEvents, LinkOptions
from greendock.config.mqtt_settings import BrokerAddress, MqttSettings
from greendock.net.mqtt import MqttMessage, MqttRefused

OPTIONS = LinkOptions(BrokerAddress("broker", 1, with_tls=False))


class HandLink:
    """Connected at once; keeps what is asked of it."""

    def __init__(self, options: LinkOptions, events: LinkEvents) -> None:
        self.options = options
        self.events = events
        self.asked: list[tuple[object, ...]] = []
        self.refuse: set[str] = set()
        self.stopped = False

    async def start(self) -> None:
        self.come()

    def come(self, *, rejoined: bool = False) -> None:
        self.events.connected(rejoined=rejoined, has_identifiers=False)

    async def stop(self) -> None:
        self.stopped = True

    async def publish(self, message: MqttMessage) -> None:
        self.asked.append(("publish", message.topic))

    async def subscribe(self, topic_filter, qos, *, identifier, retained) -> None:
        assert identifier is None
        self.asked.append((topic_filter, qos, retained))
        await asyncio.sleep(0)
        if topic_filter in self.refuse:
            raise MqttRefused("cannot subscribe", 0x87, "not today")

    async def unsubscribe(self, topic_filters: Sequence[str]) -> None:
        self.asked.append(("unsubscribe", *topic_filters))


class Hand:
    """A client whose links a test holds."""

    def __init__(self) -> None:
        self.links: list[HandLink] = []
        self.options: LinkOptions | Exception = OPTIONS
        self.client = MqttClient(MqttSettings, self._options, self._make)

    def _options(self) -> LinkOptions:
        if isinstance(self.options, Exception):
            raise self.options
        return self.options

    def _make(self, options: LinkOptions, events: LinkEvents) -> HandLink:
        self.links.append(HandLink(options, events))
        return self.links[-1]


def test_topics_decide_and_equal_filters_are_subscribed_once():
    async def run():
        hand = Hand()
        boxes: list[list[bytes]] = [[], [], []]
        for topic_filter, qos, box in (("a/+", 0, boxes[0]), ("a/+", 0, boxes[1]), ("#", 1, [])):
            await hand.client.subscribe(
                topic_filter, qos, lambda message, box=box: box.append(message.payload)
            )
        link = hand.links[0]
        link.events.received(MqttMessage("a/b", b"1"), ())
        link.events.received(MqttMessage("b", b"2"), ())
        await hand.client.subscribe("a/+", 1, lambda message: boxes[2].append(message.payload))
        return link.asked, boxes

    asked, boxes = asyncio.run(run())
    assert asked == [("a/+", 0, True), ("#", 1, True), ("a/+", 1, True)]
    assert boxes == [[b"1"], [b"1"], []]


def test_a_new_connection_has_all_subscriptions_before_messages():
    async def run():
        hand = Hand()
        end = await hand.client.subscribe("a", 1, print)
        await hand.client.subscribe("b", 0, print)
        link = hand.links[0]
        link.events.disconnected("gone")
        end()
        await asyncio.sleep(0)
        await hand.client.publish(MqttMessage("b", qos=1))
        link.asked.clear()
        link.come(rejoined=True)
        await hand.client.close()
        return link

    link = asyncio.run(run())
    assert link.asked == [("b", 0, False), ("unsubscribe", "a"), ("publish", "b")]
    assert link.stopped


def test_a_refused_newcomer_leaves_the_others_alone():
    async def run():
        hand, box = Hand(), []
        await hand.client.subscribe("a", 0, box.append)
        hand.links[0].refuse.add("a")
        with pytest.raises(MqttRefused, match="135: not today"):
            await hand.client.subscribe("a", 1, box.append)
        hand.links[0].events.received(MqttMessage("a"), ())
        return box

    assert asyncio.run(run()) == [MqttMessage("a")]


def test_who_stops_waiting_for_a_subscription_leaves_nothing():
    async def run():
        hand, box = Hand(), []
        waiting = asyncio.create_task(hand.client.subscribe("a", 0, box.append))
        while not hand.links or not hand.links[0].asked:
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        hand.links[0].events.received(MqttMessage("a"), ())
        async with asyncio.timeout(10):
            while hand.links[0].asked != [("a", 0, True), ("unsubscribe", "a")]:
                await asyncio.sleep(0)
        return box

    assert asyncio.run(run()) == []


def test_a_configuration_without_a_broker_ends_the_connection():
    async def run():
        hand, status = Hand(), Status()
        await hand.client.watch(status)
        hand.options = MqttNotConfigured("cannot reach it: no broker")
        hand.client.reconsider()
        await status.until(False)
        with pytest.raises(MqttNotConfigured):
            await hand.client.publish(MqttMessage("a", qos=1))
        return hand.links

    links = asyncio.run(run())
    assert [link.stopped for link in links] == [True]


def test_nothing_happens_before_somebody_needs_it():
    async def run():
        hand = Hand()
        hand.client.reconsider()
        await hand.client.close()
        return hand.links

    assert asyncio.run(run()) == []
