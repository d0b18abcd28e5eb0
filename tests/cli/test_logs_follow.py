"""`logs get --follow` shows what is written after it started, over rotation and in new files."""

from __future__ import annotations

import os
import pty
import select
import signal
import time
from datetime import UTC, datetime

import pytest

DEADLINE_S = 20.0


def line(text: str) -> str:
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return (
        f"{stamp}Z [INFO] (t) com.example.Web: stdout. {text}. {{serviceName=com.example.Web}}\n"
    )


class Reader:
    """Collects what a process writes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.text = ""

    def until(self, wanted: str) -> str:
        end = time.monotonic() + DEADLINE_S
        while wanted not in self.text:
            assert time.monotonic() < end, f"{wanted!r} did not come; got {self.text!r}"
            if select.select([self._descriptor], [], [], 0.1)[0]:
                self.text += os.read(self._descriptor, 65536).decode()
        return self.text


@pytest.fixture
def folder(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "w.log").write_text(line("first"))
    return logs


def test_rotation_new_files_and_ctrl_c(folder, program):
    process = program.start("logs", "get", "--follow", "-ld", str(folder))
    reader = Reader(process.stdout.fileno())
    reader.until("first")
    with (folder / "w.log").open("a") as file:
        file.write(line("before rotation"))
    (folder / "w.log").rename(folder / "w_2026_01_01_00_0.log")
    (folder / "w.log").write_text(line("after rotation"))
    reader.until("after rotation")
    (folder / "new.log").write_text(line("in a new file"))
    text = reader.until("in a new file")
    order = ["first", "before rotation", "after rotation", "in a new file"]
    assert [text.count(f"stdout. {each}.") for each in order] == [1, 1, 1, 1]
    assert sorted(order, key=text.index) == order
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, err) == (130, b"")


def test_filters_hold_while_following(folder, program):
    process = program.start("logs", "get", "-fol", "-ld", str(folder), "-f", "yes")
    with (folder / "w.log").open("a") as file:
        file.write(line("no") + line("yes"))
    text = Reader(process.stdout.fileno()).until("yes")
    assert "stdout. no." not in text


def test_following_ends_when_its_window_does(folder, program):
    ended = program.run("logs", "get", "--follow", "-ld", str(folder), "-t", "-1h,+1s")
    assert ended.returncode == 0
    assert "first" in ended.stdout


def test_a_file_that_is_not_there_yet(folder, program, tmp_path):
    later = tmp_path / "later.log"
    process = program.start(
        "logs", "get", "--follow", "-lf", str(later), "-lf", str(folder / "w.log")
    )
    reader = Reader(process.stdout.fileno())
    reader.until("first")
    later.write_text(line("late"))
    reader.until("late")


def test_matches_are_red_on_a_terminal_only(folder, program):
    ours, theirs = pty.openpty()
    try:
        process = program.start(
            "logs", "get", "-ld", str(folder), "-f", "first", "--follow", stdout=theirs
        )
        assert "\x1b[1;31mfirst\x1b[0m" in Reader(ours).until("\x1b[0m")
        process.kill()
        process.wait(DEADLINE_S)
        program.start("logs", "get", "-ld", str(folder), "-f", "first", "-nc", stdout=theirs)
        assert "\x1b" not in Reader(ours).until("first")
    finally:
        os.close(theirs)
        os.close(ours)
