"""Starts that fail: exit code 1 or 3, one clear line on stderr, nothing left behind or lost."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

GREENDOCK = Path(sys.executable).parent / "greendock"


class Process:
    """`greendock run` on a root folder with a short path."""

    def __init__(self, root: Path, *args: str | Path, stderr: Any = subprocess.PIPE) -> None:
        self.root = root
        self.process = subprocess.Popen(
            [GREENDOCK, "run", "--root", root, *args], stderr=stderr, text=True
        )

    def cli(self, *args: str | Path) -> tuple[int, dict[str, Any]]:
        command = [GREENDOCK, "--root", self.root, *args, "--json"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
        return result.returncode, json.loads(result.stdout or "{}")

    def wait_ready(self) -> None:
        deadline = time.monotonic() + 30
        while self.cli("component", "list")[0] != 0:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "the core does not start"
            time.sleep(0.05)

    def ended(self) -> tuple[int, str]:
        """Exit code and stderr."""
        _, stderr = self.process.communicate(timeout=60)
        return self.process.returncode, stderr or ""

    def stop(self) -> tuple[int, str]:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.ended()


Run = Callable[..., Process]


@pytest.fixture
def run() -> Iterator[Run]:
    """Starts cores; all are stopped at the end of the test."""
    started: list[Process] = []

    def start(root: Path, *args: str | Path, **more: Any) -> Process:
        started.append(Process(root, *args, **more))
        return started[-1]

    yield start
    for process in started:
        if process.process.poll() is None:
            process.process.kill()
        process.process.communicate()


@pytest.fixture
def root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(
        prefix="gc", dir="/tmp", ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder) / "root"


def config(root: Path, content: str) -> Path:
    file = root.parent / "config.yaml"
    file.write_text(content)
    return file


def one_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line]
    assert len(lines) == 1, text
    assert "Traceback" not in text
    return lines[0]


def test_a_root_that_is_a_file(run: Run, root: Path) -> None:
    root.write_text("a file")
    code, said = run(root).ended()
    assert code == 1
    assert f"{root} is not a folder" in one_line(said)


def test_a_root_that_cannot_be_made(run: Run) -> None:
    code, said = run(Path("/proc/nobody/can/write/here")).ended()
    assert code == 1
    assert "cannot use /proc/nobody/can/write/here as root folder" in one_line(said)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("services: {aws.greengrass.Nucleus: {configuration: {logging: {level: LOUD}}}}", "level"),
        ("services: [1]", "services"),
        ("services: {aws.greengrass.Nucleus: text}", "services.aws.greengrass.Nucleus"),
        ("services: {X: {configuration: [1]}}", "services.X.configuration"),
        ("greendock: {docker: {maxConcurrentPulls: 0}}", "maxConcurrentPulls"),
    ],
)
def test_a_faulty_configuration_is_named_and_not_taken(
    run: Run, root: Path, content: str, key: str
) -> None:
    code, said = run(root, "--init-config", config(root, content)).ended()
    assert code == 1
    assert key in one_line(said)
    assert not (root / "config" / "device.json").exists()


def test_a_torn_device_file_is_said_and_stays_as_it_is(run: Run, root: Path) -> None:
    (root / "config").mkdir(parents=True)
    (root / "config" / "device.json").write_text('{"coreId": "x", "sys')
    code, said = run(root).ended()
    assert code == 1
    assert "device.json" in one_line(said)
    assert (root / "config" / "device.json").read_text() == '{"coreId": "x", "sys'


def test_a_damaged_database(run: Run, root: Path) -> None:
    (root / "config").mkdir(parents=True)
    (root / "config" / "greendock.db").write_bytes(b"not a database" * 1000)
    code, said = run(root).ended()
    assert code == 1
    assert "greendock.db" in one_line(said)
    assert "damaged" in said


def test_a_database_of_a_newer_core_is_left_alone(run: Run, root: Path) -> None:
    (root / "config").mkdir(parents=True)
    database = sqlite3.connect(root / "config" / "greendock.db")
    database.execute("PRAGMA user_version=99")
    database.close()
    before = (root / "config" / "greendock.db").read_bytes()
    code, said = run(root).ended()
    assert code == 1
    assert "a newer core wrote it" in one_line(said)
    assert (root / "config" / "greendock.db").read_bytes() == before


def test_a_socket_that_cannot_be_made(run: Run, root: Path) -> None:
    root.mkdir()
    (root / "ipc.socket").write_text("something else")
    code, said = run(root).ended()
    assert code == 1
    assert "something that is no socket is there" in one_line(said)
    assert (root / "ipc.socket").read_text() == "something else"
    assert "the core could not start" in (root / "logs" / "greengrass.log").read_text()


def test_a_second_core_on_one_root_leaves_the_first_alone(run: Run, root: Path) -> None:
    first = run(root)
    first.wait_ready()
    code, said = run(root).ended()
    assert code == 3
    assert "another core runs" in one_line(said)
    assert first.cli("component", "list")[0] == 0
    assert first.stop()[0] == 0


def test_a_core_starts_without_anybody_who_reads_what_it_says(run: Run, root: Path) -> None:
    with Path("/dev/full").open("w") as full:
        core = run(root, stderr=full)
        core.wait_ready()
        assert core.stop()[0] == 0


def test_a_signal_at_any_time_ends_the_core_cleanly(run: Run, root: Path) -> None:
    for delay_s in (0.0, 0.1, 0.2, 0.3, 0.4, 0.6):
        core = run(root)
        time.sleep(delay_s)
        code, said = core.stop()
        # Before the core has its signal handlers, the signal's own effect counts.
        assert code in (0, -signal.SIGTERM), said
        assert "Traceback" not in said
    core = run(root)
    core.wait_ready()
    assert core.stop()[0] == 0
    assert not (root / "ipc.socket").exists()


def test_settings_that_are_deployed_later_win_over_the_file_and_reset_to_it(
    run: Run, root: Path
) -> None:
    nucleus = "aws.greengrass.Nucleus"
    first = "services: {aws.greengrass.Nucleus: {configuration: {logging: {format: JSON}}}}"
    core = run(root, "--init-config", config(root, first))
    core.wait_ready()

    def last_line() -> str:
        return (root / "logs" / "greengrass.log").read_text().splitlines()[-1]

    def deploy(update: dict[str, Any]) -> None:
        options = (
            "--merge",
            f"{nucleus}=2.18.0",
            "--update-config",
            json.dumps({nucleus: update}),
        )
        assert core.cli("deployment", "create", *options, "--wait")[0] == 0

    assert last_line().startswith("{")
    deploy({"MERGE": {"logging": {"format": "TEXT"}}})
    assert not last_line().startswith("{")
    deploy({"RESET": ["/logging/format"]})
    assert last_line().startswith("{")
    assert core.stop()[0] == 0
