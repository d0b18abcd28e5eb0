"""The pure parts of `logs`: time windows, colour, the reading of a log that changes under it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from greendock.cli.errors import ArgumentsError
from greendock.cli.logs.entry import parse_line, parse_syslog_line
from greendock.cli.logs.lines import coloured, short_line
from greendock.cli.logs.query import parse_filters
from greendock.cli.logs.reader import LogReader
from greendock.cli.logs.window import Window, all_over, parse_window

ZONE = timezone(timedelta(hours=2), "EET")
NOW = datetime(2026, 6, 30, 12, 0, 0, tzinfo=ZONE)


def ms(*parts: int, zone=ZONE) -> int:
    return int(datetime(*parts, tzinfo=zone).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-29", ms(2026, 6, 29)),
        ("20260629", ms(2026, 6, 29)),
        ("09:30", ms(2026, 6, 30, 9, 30)),
        ("09:30:15", ms(2026, 6, 30, 9, 30, 15)),
        ("09:30:15250", ms(2026, 6, 30, 9, 30, 15) + 250),
        ("2026-06-30T09:30:15", ms(2026, 6, 30, 9, 30, 15)),
        ("2026-06-30T09:30:15.250", ms(2026, 6, 30, 9, 30, 15) + 250),
        ("2026-06-30T09:30:15Z", ms(2026, 6, 30, 9, 30, 15, zone=UTC)),
        ("-1h", ms(2026, 6, 30, 11)),
        ("-2h15min", ms(2026, 6, 30, 9, 45)),
        ("-1day2hours3minutes4seconds", ms(2026, 6, 29, 9, 56, 56)),
        ("", ms(2026, 6, 30, 12)),
    ],
)
def test_times(text, expected):
    assert parse_window(f"{text},", NOW, follow=False) == Window(expected, ms(2026, 6, 30, 12))


@pytest.mark.parametrize("text", ["x", "-1", "-1parsec", "1h", "25:00", "2026-13-01", "-1h2"])
def test_times_that_are_none(text):
    with pytest.raises(ArgumentsError):
        parse_window(text, NOW, follow=False)


def test_following_has_no_end_unless_one_is_given():
    assert parse_window("-1h,", NOW, follow=True).end_ms is None
    window = parse_window(",+1h", NOW, follow=True)
    assert window == Window(ms(2026, 6, 30, 12), ms(2026, 6, 30, 13))
    assert not all_over([window], window.end_ms)
    assert all_over([window], window.end_ms + 1)
    assert not all_over([], 0)


def test_short_lines_have_local_time():
    entry = parse_line("2026-06-30T10:00:00.123Z [WARN] (t-1) a.B: ev. text. {x=1}")
    assert short_line(entry, ZONE) == "2026-06-30 12:00:00 EET [WARN] a.B: ev. text. {x=1}"


@pytest.mark.parametrize(
    ("body", "event", "message", "contexts"),
    [
        ("stdout. hi. {a=1, b=x y}", "stdout", "hi", {"a": "1", "b": "x y"}),
        ("stdout. {a: 1}. {b=2}", "stdout", "{a: 1}", {"b": "2"}),
        ("plain", None, "plain", {}),
        ("{a=1}", None, "", {"a": "1"}),
        ("Two Words. more", None, "Two Words. more", {}),
    ],
)
def test_text_lines_are_taken_apart(body, event, message, contexts):
    entry = parse_line(f"2026-06-30T10:00:00.000Z [INFO] (t) c: {body}")
    assert entry.fields.get("eventType") == event
    assert entry.fields["message"] == message
    assert entry.contexts == contexts


def test_syslog_of_december_read_in_january_is_of_last_year():
    now = datetime(2026, 1, 2, tzinfo=UTC)
    entry = parse_syslog_line("Dec 31 23:59:59 box cron[1]: x", now)
    assert datetime.fromtimestamp(entry.timestamp_ms / 1000, UTC).year == 2025


@pytest.mark.parametrize(
    ("filters", "line", "expected"),
    [
        (["on"], "one on", "<on>e <on>"),
        (["(o)ne", "(n)e"], "one", "<one>"),
        (["(?i)ONE"], "one", "<one>"),
        (["level=WARN"], "[ERROR] ERROR", "[<ERROR>] ERROR"),
        (["serviceName=a.b"], "axb a.b", "axb <a.b>"),
        (["x*"], "ab", "ab"),
        ([], "ab", "ab"),
    ],
)
def test_what_is_coloured(filters, line, expected):
    shown = coloured(line, parse_filters(filters).highlights())
    assert shown.replace("\x1b[1;31m", "<").replace("\x1b[0m", ">") == expected


def test_rotation_between_two_reads_loses_and_repeats_nothing(tmp_path):
    active = tmp_path / "w.log"
    active.write_text("1\n2\n3")
    reader = LogReader(active, whole=True, follow=True)
    assert list(reader.lines()) == ["1", "2"]
    with active.open("a") as file:
        file.write("!\n4\n")
    active.rename(tmp_path / "w_2026_01_01_00_0.log")
    active.write_text("5\n")
    active.rename(tmp_path / "w_2026_01_01_00_1.log")
    assert list(reader.lines()) == ["3!", "4", "5"]
    active.write_text("6\n")
    assert list(reader.lines()) == ["6"]
    active.write_text("")
    assert list(reader.lines()) == []
    active.write_text("7\n")
    assert list(reader.lines()) == ["7"]
    reader.close()


def test_a_file_that_is_deleted_is_left_behind(tmp_path):
    active = tmp_path / "w.log"
    active.write_text("1\n")
    reader = LogReader(active, whole=True, follow=True)
    assert list(reader.lines()) == ["1"]
    active.unlink()
    assert list(reader.lines()) == []
    active.write_text("2\n")
    assert list(reader.lines()) == ["2"]
    reader.close()


def test_a_last_line_without_an_end_is_read_when_not_following(tmp_path):
    active = tmp_path / "w.log"
    active.write_text("1\n2")
    reader = LogReader(active, whole=True, follow=False)
    assert list(reader.lines()) == ["1", "2"]
    reader.close()


def test_a_huge_log_is_read_line_by_line(tmp_path):
    import tracemalloc

    active = tmp_path / "w.log"
    with active.open("w") as file:
        for number in range(200_000):
            file.write(f"line {number} {'x' * 40}\n")
    reader = LogReader(active, whole=True, follow=False)
    tracemalloc.start()
    count = sum(1 for _ in reader.lines())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    reader.close()
    assert count == 200_000
    assert peak < 1_000_000
