"""Lines of containers in `logs get`: whose they are, JSON as words, several logs by time."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from datetime import UTC

import pytest

from greendock.base.log_lines import LogFormat, LogRecord, format_line
from greendock.cli.logs.entry import parse_line
from greendock.cli.logs.lines import full_line, json_object, short_line
from greendock.cli.logs.output_text import readable

WEB = {"container": "web", "service": "front", "containerId": "0123456789ab"}
SCRIPT = {"scriptName": "services.com.example.Web.lifecycle.Run", "currentState": "RUNNING"}


def line(message, contexts, log_format=LogFormat.TEXT, *, at_s=1_800_000_000.0, name="a.Web"):
    record = LogRecord(at_s, "WARN", "Copier", name, "stderr", message, contexts)
    return format_line(record, log_format).rstrip("\n")


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_a_line_shows_its_container_and_stream(log_format):
    entry = parse_line(line("it is slow", WEB, log_format))
    expected = "2027-01-15 08:00:00 UTC [WARN] a.Web (web stderr): it is slow"
    assert short_line(entry, UTC) == expected
    assert "containerId=0123456789ab" in full_line(entry)
    found = json_object(entry, 0)
    assert (found["eventType"], found["message"]) == ("stderr", "it is slow")
    assert found["contexts"] == WEB


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_json_is_shown_as_words(log_format):
    text = '{"level":"warn","time":1,"msg":"slow query","ms":1203,"sql":"select 1"}'
    entry = parse_line(line(text, WEB, log_format))
    shown = 'a.Web (web stderr): slow query ms=1203 sql="select 1"'
    assert short_line(entry, UTC).endswith(shown)
    assert text in full_line(entry) or json.loads(entry.raw)["message"] == text
    assert json_object(entry, 0)["message"] == text
    of_script = short_line(parse_line(line(text, SCRIPT, log_format)), UTC)
    assert 'stderr. slow query ms=1203 sql="select 1". {scriptName=' in of_script


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_an_empty_line_is_a_line(log_format):
    entry = parse_line(line("", WEB, log_format))
    assert short_line(entry, UTC).endswith("[WARN] a.Web (web stderr): ")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("{not json}", "{not json}"),
        ("{}", "{}"),
        ('{"level":"info"}', '{"level":"info"}'),
        ('{"a":1,"b":[1,{"c":null}]}', 'a=1 b=[1,{"c":null}]'),
        ('{"message":"x","msg":7}', "x msg=7"),
        ("{" * 3000, "{" * 3000),
    ],
)
def test_what_is_no_message_stays(text, shown):
    assert readable(text) == shown


class Following:
    def __init__(self, program, folder, *options):
        self.process = program.start("logs", "get", "--follow", "-ld", str(folder), *options)
        self.text = ""

    def until(self, count):
        end = time.monotonic() + 20
        while self.text.count("\n") < count:
            assert time.monotonic() < end, self.text
            descriptor = self.process.stdout.fileno()
            if select.select([descriptor], [], [], 0.1)[0]:
                self.text += os.read(descriptor, 65536).decode()
        return self.text.splitlines()


def test_several_logs_are_merged_by_time_while_following(tmp_path, program):
    def write(text, name, at_s):
        with (tmp_path / f"{name}.log").open("a") as file:
            file.write(line(text, WEB, name=name, at_s=at_s) + "\n")

    write("begin", "a", 1.0)
    following = Following(program, tmp_path, "--json")
    following.until(1)
    now = time.time()
    for i in range(40):  # those of a have a later time than those of b that come after them
        write(f"{i}", "ab"[i % 2], now + (i + 2 * (i % 2 == 0)) / 1000)
    write("late", "c", now + 0.5)
    write("very late", "c", now + 1000)
    found = [json.loads(one) for one in following.until(43)]
    stamps = [one["timestamp"] for one in found]
    assert stamps == sorted(stamps)
    assert {one["loggerName"] for one in found} == {"a", "b", "c"}
    assert {one["contexts"]["container"] for one in found} == {"web"}
    following.process.send_signal(signal.SIGINT)
    following.process.communicate(timeout=20)
