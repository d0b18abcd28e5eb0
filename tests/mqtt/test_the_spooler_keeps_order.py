"""The spooler and what sends from it: order, bounds, retries; over a link by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from greendock.cloud.errors import MqttOffline, SpoolFull
from greendock.cloud.outbox import Outbox
from greendock.cloud.spool import Spool, size_of
from greendock.config.mqtt_settings import MqttSettings
from greendock.net.mqtt import MqttMessage, MqttRefused


def message(number: int, qos: int = 1) -> MqttMessage:
    return MqttMessage("t", b"%d" % number, qos=qos)


class HandLink:
    """Answers each publish with what `outcomes` has for its payload, else at once; a test may
    hold answers back."""

    def __init__(self) -> None:
        self.begun: list[bytes] = []
        self.done: list[bytes] = []
        self.outcomes: dict[bytes, list[Exception]] = {}
        self.open = asyncio.Event()
        self.open.set()

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def publish(self, message: MqttMessage) -> None:
        self.begun.append(message.payload)
        await self.open.wait()
        if self.outcomes.get(message.payload):
            raise self.outcomes[message.payload].pop(0)
        self.done.append(message.payload)

    async def subscribe(self, topic_filter, qos, *, identifier, retained) -> None: ...

    async def unsubscribe(self, topic_filters: Sequence[str]) -> None: ...


async def emptied(outbox: Outbox) -> None:
    async with asyncio.timeout(10):
        await outbox.drained()


def test_messages_go_out_in_order_and_few_at_a_time():
    async def run():
        link, outbox = HandLink(), Outbox(lambda: MqttSettings(max_in_flight=2))
        for number in range(5):
            outbox.add(message(number))
        link.open.clear()
        outbox.open(link)
        await asyncio.sleep(0)
        begun = list(link.begun)
        link.open.set()
        await emptied(outbox)
        return begun, link.done

    begun, done = asyncio.run(run())
    assert begun == [b"0", b"1"]
    assert done == [b"0", b"1", b"2", b"3", b"4"]


def test_what_was_on_its_way_goes_first_on_the_next_link():
    async def run():
        first, second = HandLink(), HandLink()
        outbox = Outbox(lambda: MqttSettings(max_in_flight=5))
        first.open.clear()
        outbox.open(first)
        for number in range(8):
            outbox.add(message(number))
        await asyncio.sleep(0)
        await outbox.abandon()
        assert len(outbox) == 8
        outbox.open(second)
        await emptied(outbox)
        return first.begun, second.done

    begun, done = asyncio.run(run())
    assert begun == [b"0", b"1", b"2", b"3", b"4"]
    assert done == [b"%d" % number for number in range(8)]


def test_a_lost_answer_is_tried_again_and_counted():
    async def run():
        link, outbox = HandLink(), Outbox(lambda: MqttSettings(max_publish_retry=2))
        link.outcomes = {
            b"1": [MqttOffline("no answer")] * 2,
            b"2": [MqttOffline("no answer")] * 3,
        }
        outbox.open(link)
        for number in range(4):
            outbox.add(message(number))
        await emptied(outbox)
        return link

    link = asyncio.run(run())
    assert sorted(link.done) == [b"0", b"1", b"3"]
    assert (link.begun.count(b"1"), link.begun.count(b"2")) == (3, 3)


def test_a_refused_message_is_dropped_and_a_busy_broker_is_asked_again():
    async def run():
        link, outbox = HandLink(), Outbox(MqttSettings)
        link.outcomes = {
            b"1": [MqttRefused("no", 0x87)],
            b"2": [MqttRefused("quota", 0x97, "too much")],
        }
        outbox.open(link)
        for number in range(4):
            outbox.add(message(number))
        await emptied(outbox)
        return link

    link = asyncio.run(run())
    assert sorted(link.done) == [b"0", b"2", b"3"]
    assert link.begun.count(b"1") == 1


def test_an_outage_drops_waiting_messages_of_qos_0():
    async def run():
        link, outbox = HandLink(), Outbox(MqttSettings)
        outbox.add(message(0, qos=0))
        outbox.add(message(1))
        outbox.shut()
        outbox.open(link)
        await emptied(outbox)
        return link.done

    assert asyncio.run(run()) == [b"1"]


def test_the_size_counts_everything_until_it_is_sent():
    spool, one = Spool(), message(1)
    limit = 2 * size_of(one)
    assert spool.add(one, limit) == spool.add(one, limit) == 0
    with pytest.raises(SpoolFull):
        spool.add(one, limit)
    entry = spool.take()
    assert entry is not None
    with pytest.raises(SpoolFull):
        spool.add(one, limit)
    spool.done(entry)
    spool.add(one, limit)
    assert (len(spool), spool.size_bytes) == (2, limit)


def test_messages_of_qos_0_make_room_for_one_of_qos_1():
    spool = Spool()
    limit = 2 * size_of(message(1))
    spool.add(message(1, qos=0), limit)
    spool.add(message(2), limit)
    with pytest.raises(SpoolFull):
        spool.add(message(3, qos=0), limit)
    assert spool.add(message(3), limit) == 1
    taken = [spool.take(), spool.take()]
    assert [entry.message.payload for entry in taken if entry] == [b"2", b"3"]


def test_properties_and_payloads_count():
    plain = size_of(MqttMessage("t"))
    assert size_of(MqttMessage("t", b"x" * 10, user_properties=(("ab", "c"),))) == plain + 13
    assert size_of(MqttMessage("t", correlation_data=b"12", content_type="x")) == plain + 3
