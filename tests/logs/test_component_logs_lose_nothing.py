"""Log files: format, rotation, limits, a full disk."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
from pathlib import Path

import pytest

from greendock.base.log_lines import LogFormat
from greendock.base.logs import ComponentLogs, CoreLogHandler, LogSettings


class Time:
    """A Clock that stands still until it is moved."""

    def __init__(self, at: float = 1_700_000_000.123) -> None:
        self.at = at

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


def read_all(folder: Path, name: str) -> list[str]:
    """All lines, oldest file first."""

    def age(path: Path) -> tuple[int, str, int]:
        match = re.fullmatch(rf"{re.escape(name)}_(.{{13}})_(\d+)\.log", path.name)
        return (1, "", 0) if match is None else (0, match.group(1), int(match.group(2)))

    files = sorted(folder.glob(f"{name}*.log"), key=age)
    return [line for path in files for line in path.read_text().splitlines()]


def test_text_and_json_lines(tmp_path):
    logs = ComponentLogs(tmp_path, clock=Time())
    log = logs.get("com.example.A")
    log.write("INFO", "stdout", "hello", scriptName="s", currentState="RUNNING")
    log.write("INFO", None, "no event\nin two lines")
    log.write("INFO", "only-event", "", a=1)
    logs.update_settings(LogSettings(format=LogFormat.JSON))
    log.write("WARN", "stderr", "ärger", scriptName="s")
    logs.close()
    *text, last = (tmp_path / "com.example.A.log").read_text().splitlines()
    assert text == [
        "2023-11-14T22:13:20.123Z [INFO] (Copier) com.example.A: stdout. hello. "
        "{scriptName=s, currentState=RUNNING}",
        "2023-11-14T22:13:20.123Z [INFO] (main) com.example.A: no event\\nin two lines. {}",
        "2023-11-14T22:13:20.123Z [INFO] (main) com.example.A: only-event. {a=1}",
    ]
    assert json.loads(last) == {
        "thread": "Copier", "level": "WARN", "eventType": "stderr", "message": "ärger",
        "contexts": {"scriptName": "s"}, "loggerName": "com.example.A",
        "timestamp": 1700000000123, "cause": None,
    }  # fmt: skip


def test_levels_below_the_setting_are_not_written(tmp_path):
    logs = ComponentLogs(tmp_path, LogSettings(level="WARN"), Time())
    for level in ("TRACE", "DEBUG", "INFO", "WARN", "ERROR"):
        logs.get("a").write(level, None, level.lower())
    logs.close()
    assert [line.split("[")[1].split("]")[0] for line in read_all(tmp_path, "a")] == [
        "WARN", "ERROR",
    ]  # fmt: skip


def test_a_flood_with_rotation_keeps_every_line_in_order(tmp_path):
    async def scenario():
        settings = LogSettings(file_size_bytes=20_000, total_bytes=100_000_000)
        logs = ComponentLogs(tmp_path, settings)
        log = logs.get("a")
        for number in range(20_000):
            log.write("INFO", "stdout", f"line {number}")
            if number % 97 == 0:
                await asyncio.sleep(0)
        logs.close()

    asyncio.run(scenario())
    numbers = [int(re.search(r"line (\d+)", line)[1]) for line in read_all(tmp_path, "a")]
    assert numbers == list(range(20_000))
    files = list(tmp_path.glob("a*.log"))
    assert len(files) > 50
    assert all(path.stat().st_size <= 20_000 for path in files)


def test_lines_reach_the_disk_within_a_turn_of_the_loop(tmp_path):
    async def scenario():
        logs = ComponentLogs(tmp_path)
        logs.get("a").write("INFO", None, "now")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(read_all(tmp_path, "a")) == 1
        logs.close()

    asyncio.run(scenario())


def test_threads_do_not_mix_their_lines(tmp_path):
    logs = ComponentLogs(tmp_path, LogSettings(file_size_bytes=5_000, total_bytes=10**9))

    def work(who: int) -> None:
        for number in range(500):
            logs.get("a").write("INFO", None, f"<{who} {number}>")

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logs.close()
    found = [re.search(r"<(\d) (\d+)>", line) for line in read_all(tmp_path, "a")]
    for who in range(4):
        assert [int(m[2]) for m in found if m[1] == str(who)] == list(range(500))


def test_the_hour_rotates_and_old_hours_stay(tmp_path):
    clock = Time()
    logs = ComponentLogs(tmp_path, clock=clock)
    for hour in range(30):
        logs.get("a").write("INFO", None, f"hour {hour}")
        clock.at += 3600
    logs.close()
    assert len(list(tmp_path.glob("a_*_0.log"))) == 29
    assert len(read_all(tmp_path, "a")) == 30


def test_the_total_removes_the_oldest_only(tmp_path):
    settings = LogSettings(file_size_bytes=1_000, total_bytes=5_000)
    logs = ComponentLogs(tmp_path, settings, Time())
    for number in range(500):
        logs.get("a").write("INFO", None, f"line {number}")
    logs.close()
    assert sum(path.stat().st_size for path in tmp_path.glob("a*.log")) <= 5_000
    numbers = [int(re.search(r"line (\d+)", line)[1]) for line in read_all(tmp_path, "a")]
    assert numbers == list(range(500 - len(numbers), 500))
    assert len(numbers) > 30


def test_a_log_is_continued_after_a_restart(tmp_path):
    for number in range(3):
        logs = ComponentLogs(tmp_path, clock=Time())
        logs.get("a").write("INFO", None, f"life {number}")
        logs.close()
    assert len(read_all(tmp_path, "a")) == 3


def test_a_file_that_was_moved_away_is_made_anew(tmp_path):
    clock = Time()
    logs = ComponentLogs(tmp_path, clock=clock)
    logs.get("a").write("INFO", None, "one")
    (tmp_path / "a.log").rename(tmp_path / "elsewhere")
    clock.at += 2
    logs.get("a").write("INFO", None, "two")
    logs.close()
    assert "two" in (tmp_path / "a.log").read_text()


def test_a_name_like_another_logs_predecessor_is_safe(tmp_path):
    clock = Time()
    settings = LogSettings(file_size_bytes=200, total_bytes=400)
    logs = ComponentLogs(tmp_path, settings, clock)
    import time

    hour = time.strftime("%Y_%m_%d_%H", time.localtime(clock.at))
    other = logs.get(f"a_{hour}_0")
    other.write("INFO", None, "mine")
    for number in range(50):
        logs.get("a").write("INFO", None, f"line {number}")
    logs.close()
    assert "mine" in (tmp_path / f"a_{hour}_0.log").read_text()


def test_names_that_are_no_file_names_are_refused(tmp_path):
    for name in ("../x", "a/b", "", "..", "a\0"):
        with pytest.raises(ValueError):
            ComponentLogs(tmp_path).get(name)


def test_a_disk_that_is_full_loses_whole_lines_and_tells_how_many(tmp_path):
    folder = tmp_path / "logs"
    clock = Time()
    logs = ComponentLogs(folder, clock=clock)
    log = logs.get("a")
    log.write("INFO", None, "before")
    logs.close()
    # A folder in the file's place can't be opened for writing, for root neither.
    (folder / "a.log").rename(folder / "kept")
    (folder / "a.log").mkdir()
    for number in range(7):
        log.write("INFO", None, f"lost {number}")
    (folder / "a.log").rmdir()
    log.write("INFO", None, "after")
    logs.close()
    lines = (folder / "a.log").read_text().splitlines()
    assert len(lines) == 2
    assert "log-lines-lost" in lines[0]
    assert "{count=7}" in lines[0]
    assert "after" in lines[1]


def test_the_core_logs_in_the_same_format(tmp_path):
    logs = ComponentLogs(tmp_path, clock=Time())
    logger = logging.getLogger("greendock.test.corelog")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    handler = CoreLogHandler(logs)
    logger.addHandler(handler)
    try:
        logger.warning("careful %s", 1, extra={"event": "an-event", "contexts": {"k": "v"}})
        try:
            raise RuntimeError("boom")
        except RuntimeError:
            logger.exception("failed")
    finally:
        logger.removeHandler(handler)
        logs.close()
    lines = (tmp_path / "greengrass.log").read_text().splitlines()
    assert lines[0].endswith("[WARN] (main) greendock.test.corelog: an-event. careful 1. {k=v}")
    assert "[ERROR] (main) greendock.test.corelog: failed. {}" in lines[1]
    assert lines[-1] == "RuntimeError: boom"


def test_only_the_owner_reads_logs(tmp_path):
    logs = ComponentLogs(tmp_path / "logs")
    logs.get("a").write("INFO", None, "x")
    logs.close()
    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "logs" / "a.log").stat().st_mode & 0o777 == 0o600
