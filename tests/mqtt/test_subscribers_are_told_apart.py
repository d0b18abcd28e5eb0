"""Which subscriber gets a message that a broker marks with the numbers of our requests."""

from __future__ import annotations

from greendock.cloud.subscriptions import Subscriber, Subscriptions
from greendock.net.mqtt import MqttMessage

LIVE = MqttMessage("a/b")
RETAINED = MqttMessage("a/b", retain=True)


def subscriber() -> Subscriber:
    return Subscriber(lambda message: None, 1)


def test_one_copy_for_all_filters_and_one_for_each_come_to_the_same():
    known = Subscriptions()
    wide, narrow = subscriber(), subscriber()
    wide_number = known.number(known.join("a/#", wide), wide)
    narrow_number = known.number(known.join("a/+", narrow), narrow)
    assert known.receivers(LIVE, (wide_number, narrow_number)) == [wide, narrow]
    assert known.receivers(LIVE, (wide_number,)) == [wide]
    assert known.receivers(LIVE, (narrow_number,)) == [narrow]


def test_a_retained_message_is_for_who_caused_it():
    known = Subscriptions()
    first, second = subscriber(), subscriber()
    shared = known.join("a/+", first)
    old = known.number(shared, first)
    assert known.join("a/+", second) is shared
    new = known.number(shared, second)
    assert known.receivers(RETAINED, (old,)) == [first]
    assert known.receivers(RETAINED, (new,)) == [second]
    assert known.receivers(LIVE, (old,)) == known.receivers(LIVE, (new,)) == [first, second]
    assert known.renumber(shared, first) == new
    assert known.receivers(RETAINED, (new,)) == [first, second]


def test_who_left_gets_nothing_and_a_late_copy_reaches_nobody_else():
    known = Subscriptions()
    stays, goes = subscriber(), subscriber()
    known.number(known.join("a/#", stays), stays)
    shared = known.join("a/+", goes)
    number = known.number(shared, goes)
    assert known.leave(shared, goes)
    assert not known.leave(shared, goes)
    assert known.receivers(LIVE, (number,)) == []
    known.forget(shared)
    assert known.receivers(LIVE, (number,)) == []
    assert [each.text for each in known] == ["a/#"]


def test_who_comes_while_a_filter_is_dropped_keeps_it():
    known = Subscriptions()
    goes, comes = subscriber(), subscriber()
    shared = known.join("a", goes)
    known.leave(shared, goes)
    assert known.join("a", comes) is shared
    known.forget(shared)
    assert list(known) == [shared]


def test_numbers_are_bounded():
    known = Subscriptions()
    shared = known.join("a/+", subscriber())
    for _ in range(1000):
        each = subscriber()
        known.join("a/+", each)
        number = known.number(shared, each)
        known.leave(shared, each)
    assert len(known._marks) == len(shared.numbers) == 64
    assert known.receivers(LIVE, (number,)) == shared.subscribers
