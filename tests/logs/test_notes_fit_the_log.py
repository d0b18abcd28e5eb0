"""What is noted about a log fits what is in the log, after a kill and after a power cut."""

from __future__ import annotations

import pytest

from greendock.base.checkpoints import CheckpointFile
from greendock.base.log_files import Mark
from greendock.base.log_lines import LogFormat
from greendock.base.log_tail import holds, lines_after, output_in
from greendock.base.logs import ComponentLogs, LogSettings
from greendock.docker.containers.log_checkpoint import LogCheckpoint, checkpoint_path, keep_only

SLOT = 256


class Time:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def make(tmp_path, time):
    return lambda: CheckpointFile(tmp_path / "notes" / "a", SLOT, time)


def test_the_newest_is_first(make):
    file = make()
    assert file.load() == []
    for i in range(5):
        file.save(b"%d" % i)
    assert make().load()[:2] == [b"4", b"3"]
    again = make()
    again.load()
    again.save(b"next")
    assert make().load()[0] == b"next"


def test_a_torn_note_leaves_the_one_before(make, tmp_path):
    file = make()
    for text in (b"one", b"two"):
        file.save(text)
    path = tmp_path / "notes" / "a"
    data = bytearray(path.read_bytes())
    at = data.index(b"two")  # in its own slot
    data[at] ^= 1
    path.write_bytes(data)
    assert make().load()[0] == b"one"


def test_notes_of_the_last_half_minute_are_kept(make, time):
    file = make()
    for i in range(100):
        time.now_s = i
        file.save(b"%d" % i)
    assert [int(text) for text in make().load()] == list(range(99, 69, -1))


def test_what_is_no_note_is_nothing(make, tmp_path):
    make().save(b"x")
    path = tmp_path / "notes" / "a"
    for junk in (b"", b"gdc1", b"gdc1" + b"\xff" * 300, bytes(5000)):
        path.write_bytes(junk)
        assert make().load() == []


def test_what_is_too_long_is_not_noted(make):
    file = make()
    file.save(b"short")
    file.save(b"x" * SLOT)
    assert file.load() == [b"short", b"short"][: len(file.load())]


def test_a_disk_that_is_ill_keeps_nobody_from_work(tmp_path, time):
    (tmp_path / "notes").write_text("no folder")
    file = CheckpointFile(tmp_path / "notes" / "a", SLOT, time)
    file.save(b"x")
    assert file.load() == []


@pytest.fixture
def logs(tmp_path):
    logs = ComponentLogs(tmp_path / "logs", LogSettings(file_size_bytes=400))
    yield logs
    logs.close()


def test_lines_after_a_mark_over_rotation(logs):
    log = logs.get("a")
    log.write("INFO", None, "before")
    mark = log.mark()
    for i in range(30):
        log.write("INFO", "stdout", f"line {i}", who="me")
    logs.flush()
    found = [output_in(line, "who", "me") for line in lines_after(log.path, mark)]
    assert found == [("stdout", f"line {i}") for i in range(30)]
    assert holds(log.path, mark) is True
    assert holds(log.path, Mark(mark.inode, 10_000)) is False
    assert holds(log.path, Mark(1, 1)) is None
    assert list(lines_after(log.path, Mark(1, 1))) == []


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_output_is_told_from_what_looks_like_it(logs, log_format):
    logs.update_settings(LogSettings(format=log_format))
    log = logs.get("a")
    mark = log.mark()
    log.write("INFO", "stdout", "mine. {who=other}", who="me", x=1)
    log.write("WARN", "stderr", "", who="me")
    log.write("INFO", "stdout", "no. {who=me}", who="other")
    log.write("INFO", "stdout", "no. {who=me}")
    log.write("INFO", "status", "no", who="me")
    log.write("INFO", None, "(Copier) a: stdout. no", who="me")
    logs.flush()
    found = [output_in(line, "who", "me") for line in lines_after(log.path, mark)]
    assert [one for one in found if one] == [("stdout", "mine. {who=other}"), ("stderr", "")]


def test_a_torn_line_stays_alone(logs):
    log = logs.get("a")
    log.write("INFO", "stdout", "whole", who="me")
    mark = log.mark()
    logs.close()
    with log.path.open("ab") as file:
        file.write(b"2026-11-28T00:00:00.000Z [INFO] (Copier) a: stdout. torn. {who=m")
    assert list(lines_after(log.path, mark)) == []
    log.write("INFO", "stdout", "next", who="me")
    logs.flush()
    found = [output_in(line, "who", "me") for line in lines_after(log.path, mark)]
    assert found == [None, ("stdout", "next")]


def test_a_power_cut_that_takes_lines_takes_their_notes(logs, tmp_path, time):
    log = logs.get("a")
    checkpoint = LogCheckpoint(tmp_path / "c", SLOT, time)
    sizes = []
    for i in range(5):
        time.now_s = i
        log.write("INFO", "stdout", f"{i}", who="me")
        mark = log.mark()
        sizes.append(mark.size)
        checkpoint.save(mark, b"%d" % i)
    logs.close()
    with log.path.open("r+b") as file:
        file.truncate(sizes[2] + 3)  # of the next line a little
    loaded = LogCheckpoint(tmp_path / "c", SLOT, time).load(log.path)
    assert loaded is not None
    assert loaded[0] == b"2"
    assert list(loaded[1]) == []


def test_files_of_others_go_and_names_are_made_safe(tmp_path):
    path = checkpoint_path(tmp_path, "../../etc/a", ".x")
    assert path.parent == tmp_path
    for name in ("a", "b", "c"):
        checkpoint_path(tmp_path, name, ".x").touch()
    (tmp_path / "a.y").touch()
    keep_only(tmp_path, ["b"], ".x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.y", "b.x"]
