"""Where an engine's log goes on after what a script printed: by count, by content, by time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading_core import container

from greendock.docker.containers.container_output import compose_names
from greendock.docker.containers.log_cut import (
    HEAD_LINES,
    TAIL_LINES,
    CutFinder,
    ScriptRecord,
    printed_line,
    split_prefix,
)
from greendock.docker.containers.log_place import Passage
from greendock.docker.engine.log_frames import LogLine

SECOND = 1_000_000_000


def log_of(*texts, stream="stdout", start_s=100):
    return [LogLine(stream, (start_s + i) * SECOND, text) for i, text in enumerate(texts)]


def record_of(*printed):
    """`printed`: (stream, line, seconds)."""
    lines = [printed_line(stream, line, at * SECOND) for stream, line, at in printed]
    of = {name: [x.whole for x in lines if x.stream == name] for name in ("stdout", "stderr")}
    return ScriptRecord(
        {name: len(own) for name, own in of.items()},
        {name: own[:HEAD_LINES] for name, own in of.items()},
        tuple(lines[-TAIL_LINES:]),
    )


def rest(record, log, names=()):
    """What of the log comes after the place."""
    finder = CutFinder(record, names)
    for line in log:
        finder.feed(line)
    passage = Passage(finder.place())
    return [line.text for line in log if passage.take(line, is_logged=True)]


@given(st.integers(0, 20), st.integers(0, 200), st.integers(0, 50), st.booleans())
def test_by_count_whatever_the_docker_command_printed_before(own, done, left, is_same):
    texts = ["tick" if is_same else f"line {i}" for i in range(done + left)]
    said = [("stderr", f"docker: {i}", 90) for i in range(own)]
    printed = [("stderr", text, 100 + i) for i, text in enumerate(texts[:done])]
    record = record_of(*said, *printed)
    assert rest(record, log_of(*texts, stream="stderr")) == texts[done:]


def test_lines_in_one_moment_are_counted():
    log = [LogLine("stdout", 100 * SECOND, "same") for _ in range(5)]
    record = record_of(*[("stdout", "same", 100)] * 3)
    assert rest(record, log) == ["same"] * 2


def test_what_the_engine_has_not_logged_is_not_waited_for():
    record = record_of(("stdout", "a", 100), ("stdout", "b", 101), ("stdout", "c", 102))
    assert rest(record, log_of("a", "b")) == []


def test_a_log_whose_beginning_the_engine_rotated_away_goes_on_by_content():
    texts = [f"line {i}" for i in range(300)]
    record = record_of(*(("stdout", text, 100 + i) for i, text in enumerate(texts[:200])))
    assert rest(record, log_of(*texts)[150:]) == texts[200:]


def test_a_log_that_lost_its_beginning_of_equal_lines_goes_on_by_time():
    record = record_of(*(("stdout", "tick", 100 + i) for i in range(200)))
    assert 98 <= len(rest(record, log_of(*["tick"] * 300)[150:])) <= 100


def test_streams_that_the_script_put_together_go_on_by_content():
    log = [*log_of(*"abc"), *log_of(*"xyz", stream="stderr")]
    log.sort(key=lambda line: line.time_ns)
    record = record_of(*(("stdout", line.text, line.time_ns // SECOND) for line in log[:4]))
    assert rest(record, log) == [line.text for line in log[4:]]


WEB = container(id="1", name="shop-web-1", compose_project="shop", compose_service="web")
TWO = container(id="2", name="shop_db_1", compose_project="shop", compose_service="db")


@pytest.mark.parametrize(
    ("line", "prefix", "text"),
    [
        ("web_1  | hello | you", "web_1", "hello | you"),
        ("web-1  | ", "web-1", ""),
        ("\x1b[36mweb_1  |\x1b[0m hello", "web_1", "hello"),
        ("Attaching to web-1, db-1", "", "Attaching to web-1, db-1"),
        ("| no name", "", "| no name"),
    ],
)
def test_the_prefix_of_compose(line, prefix, text):
    assert split_prefix(line) == (prefix, text)


def test_names_that_compose_uses():
    assert {"web-1", "web_1", "shop-web-1", "web"} <= set(compose_names(WEB))
    assert {"db_1", "db-1", "shop_db_1"} <= set(compose_names(TWO))


def test_services_go_on_each_after_its_own_last_line():
    printed = [("stdout", "Attaching to web-1, db_1", 99)]
    for i in range(20):
        printed += [("stdout", f"web-1  | line {i}", 100 + i), ("stdout", "db_1  | tick", 100 + i)]
    record = record_of(*printed)
    texts = [f"line {i}" for i in range(30)]
    assert rest(record, log_of(*texts), compose_names(WEB)) == texts[20:]
    # The same text each time: the time of the last line says which one it is, within 2 s.
    assert 8 <= len(rest(record, log_of(*["tick"] * 30), compose_names(TWO))) <= 10


def test_a_quiet_service_goes_on_after_what_was_before_the_last_lines():
    printed = [("stdout", "db_1  | up", 50)]
    printed += [("stdout", f"web-1  | {i}", 100 + i) for i in range(TAIL_LINES)]
    record = record_of(*printed)
    log = [*log_of("up", start_s=50), *log_of("down", start_s=140)]
    assert rest(record, log, compose_names(TWO)) == ["down"]
