"""Requests in a second: some for each thing, some for all."""

from __future__ import annotations

import pytest

from greendock.shadows.errors import TooManyRequests
from greendock.shadows.rates import Rates


def taken(rates: Rates, thing: str, now_s: float, tries: int, in_total: float = 200) -> int:
    count = 0
    for _ in range(tries):
        try:
            rates.take(thing, now_s, 20, in_total)
            count += 1
        except TooManyRequests:
            pass
    return count


def test_a_thing_has_twenty_in_a_second() -> None:
    rates = Rates()
    assert taken(rates, "a", 100.0, 50) == 20
    assert taken(rates, "b", 100.0, 50) == 20
    assert taken(rates, "a", 100.5, 50) == 10
    assert taken(rates, "a", 200.0, 50) == 20


def test_all_things_together_have_their_own_limit() -> None:
    rates = Rates()
    assert [taken(rates, f"thing-{i}", 1.0, 20) for i in range(12)] == [20] * 10 + [0, 0]
    assert taken(rates, "thing-11", 1.05, 20) == 10


def test_what_is_refused_by_one_limit_counts_for_none() -> None:
    rates = Rates()
    assert taken(rates, "a", 1.0, 100, in_total=30) == 20
    assert taken(rates, "b", 1.0, 100, in_total=30) == 10


def test_many_things_do_not_grow_it_without_end() -> None:
    rates = Rates()
    for i in range(5000):
        rates.take(f"thing-{i}", float(i), 20, 200)
    assert len(rates._things) <= 1024
    with pytest.raises(TooManyRequests):
        for _ in range(21):
            rates.take("thing-4999", 4999.0, 20, 200)


def test_a_flood_of_names_in_one_second_does_not_grow_it_either() -> None:
    rates = Rates()
    assert sum(taken(rates, f"thing-{i}", 1.0, 1) for i in range(5000)) == 200
    assert len(rates._things) <= 1024
