"""The log says when a component begins to miss events, how it goes on, and how many it were."""

from __future__ import annotations

from greendock.ipc.drops import MAX_PRINCIPALS, REPORT_EVERY_S, Drops


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def lines(caplog):
    return [record.getMessage() for record in caplog.records]


def test_one_line_at_the_start_then_one_in_a_while_and_one_at_the_end(caplog):
    clock = Clock()
    drops = Drops(clock)
    first, second = drops.of("com.example.A", "topic a"), drops.of("com.example.A", "topic b")
    for _ in range(10):
        first.add()
    second.add()
    assert lines(caplog) == [
        "com.example.A reads too slowly: events are dropped, 1 of topic a, 1 in all"
    ]
    clock.now += REPORT_EVERY_S
    second.add()
    second.add()
    assert lines(caplog)[1:] == [
        "com.example.A reads too slowly: events are dropped, 2 of topic b, 12 in all"
    ]
    first.end()
    second.end()
    assert lines(caplog)[2:] == [
        "com.example.A read too slowly: 10 events were dropped (topic a)",
        "com.example.A read too slowly: 3 events were dropped (topic b)",
    ]
    assert drops.total("com.example.A") == 13


def test_each_component_has_its_own_line(caplog):
    drops = Drops(Clock())
    drops.of("com.example.A", "x").add()
    drops.of("com.example.B", "x").add()
    assert len(lines(caplog)) == 2


def test_who_missed_nothing_is_not_mentioned(caplog):
    drops = Drops(Clock())
    drops.of("com.example.A", "x").end()
    assert lines(caplog) == []
    assert drops.total("com.example.A") == 0


def test_what_is_counted_is_bounded():
    drops = Drops(Clock())
    for number in range(3 * MAX_PRINCIPALS):
        drops.of(f"com.example.{number}", "x").add()
    assert len(drops._totals) <= MAX_PRINCIPALS
