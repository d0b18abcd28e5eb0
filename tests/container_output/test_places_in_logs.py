"""A log that is read again from a little before a place goes on exactly after it."""

from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from greendock.docker.containers.log_place import SLACK_NS, LogPlace, Passage
from greendock.docker.engine.log_frames import LogLine

SECOND = 1_000_000_000


def lines(*entries):
    return [LogLine(stream, time_ns, f"{i}") for i, (stream, time_ns) in enumerate(entries)]


def go(place, log, *, is_strict=False):
    passage = Passage(place, is_strict=is_strict)
    return [line.text for line in log if passage.take(line, is_logged=True)]


@st.composite
def logs(draw):
    """Each stream's stamps don't fall; the streams are out of step by less than the slack."""
    steps = draw(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=40))
    now = {"stdout": 100 * SECOND, "stderr": 100 * SECOND}
    entries = []
    for is_error, step in steps:
        stream = "stderr" if is_error else "stdout"
        least = max(now.values()) - 2 * SECOND
        now[stream] = max(now[stream], least) + step * SECOND // 2
        entries.append((stream, now[stream]))
    return lines(*entries)


@given(logs(), st.data())
def test_no_line_twice_and_none_missing(log, data):
    place, seen = LogPlace(), []
    for _ in range(3):
        since = place.since_ns
        again = [line for line in log if line.time_ns >= since]
        stop = data.draw(st.integers(0, len(again)))
        seen += go(place, again[:stop])
        place = copy.deepcopy(place)
    seen += go(place, [line for line in log if line.time_ns >= place.since_ns])
    assert sorted(seen, key=int) == [line.text for line in log]


def test_lines_found_in_the_components_log_are_passed_over_too():
    log = lines(*(("stdout", n * SECOND) for n in range(10, 20)))
    place = LogPlace()
    assert go(place, log[:3]) == ["0", "1", "2"]
    place.streams["stdout"].more = 2
    assert go(place, log) == ["5", "6", "7", "8", "9"]


def test_lines_that_are_not_logged_are_not_among_those_found():
    log = lines(*(("stdout", n * SECOND) for n in range(10, 14)))
    place = LogPlace()
    place.streams["stdout"].more = 1
    passage = Passage(place)
    taken = [passage.take(line, is_logged=line.text != "0") for line in log]
    assert taken == [True, False, True, True]


def test_an_open_line_is_read_from_its_beginning():
    place = LogPlace()
    Passage(place).take(LogLine("stderr", 90 * SECOND, "x", open_ns=20 * SECOND), is_logged=True)
    assert place.since_ns == 20 * SECOND
    Passage(place).take(LogLine("stdout", 90 * SECOND, "x"), is_logged=True)
    assert place.since_ns == 90 * SECOND - SLACK_NS


def test_a_clock_that_was_set_back_is_noticed_and_only_equal_stamps_count():
    log = lines(*(("stdout", n * SECOND) for n in (1000, 1001, 1002, 500, 501, 502)))
    place = LogPlace()
    go(place, log[:5])
    assert place.is_misleading(503 * SECOND)
    assert go(copy.deepcopy(place), log, is_strict=True) == ["5"]
    assert not LogPlace().is_misleading(0)


def test_a_clock_that_is_behind_now_is_noticed():
    place = LogPlace()
    go(place, lines(("stdout", 1000 * SECOND)))
    assert place.is_misleading(500 * SECOND)
    assert not place.is_misleading(1001 * SECOND)


def test_a_place_that_the_engine_rotated_away_does_not_hide_what_is_there():
    place = LogPlace()
    go(place, lines(("stdout", 10 * SECOND), ("stdout", 10 * SECOND)))
    assert go(place, lines(("stdout", 11 * SECOND), ("stdout", 12 * SECOND))) == ["0", "1"]
