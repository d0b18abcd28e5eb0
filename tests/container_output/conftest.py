"""What tests of containers' output share: a killable reader and the log that it writes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from reading_core import COMPONENT

from greendock.cli.logs.entry import parse_line
from lab.waiting import wait_until

IMAGE = "mysql:8.0"


class Reader:
    """Processes that read a container's log, one after the other, into one folder."""

    def __init__(self, folder: Path, socket: Path) -> None:
        self.folder = folder
        self._socket = str(socket)
        self._process: subprocess.Popen[str] | None = None

    def start(self, kind: str, shape: dict[str, Any], **env: str) -> None:
        program = str(Path(__file__).with_name("reading_core.py"))
        arguments = [kind, str(self.folder), self._socket, json.dumps(shape)]
        environment = {**os.environ, "DOCKER_HOST": f"unix://{self._socket}", **env}
        self._process = subprocess.Popen(
            [sys.executable, program, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        """As `kill -9`, the scripts too."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            self._collect(process)

    def wait_for_death(self) -> None:
        """It kills itself where it was told to."""
        process, self._process = self._process, None
        assert process is not None
        process.wait(60)
        with contextlib.suppress(ProcessLookupError):  # its script may live on
            os.killpg(process.pid, signal.SIGKILL)
        self._collect(process)
        assert process.returncode == -signal.SIGKILL

    def _collect(self, process: subprocess.Popen[str]) -> None:
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()

    def raw(self) -> str:
        """The whole log of the component, all its files."""
        logs = self.folder / "logs"
        current = logs / f"{COMPONENT}.log"
        old = [path for path in logs.glob(f"{COMPONENT}_*.log")]
        stamped = sorted(old, key=lambda path: (path.stem.rpartition("_")[0], _number(path)))
        files = [*stamped, *([current] if current.exists() else [])]
        return "".join(path.read_text(errors="replace") for path in files)

    def lines(self, stream: str | None = None) -> list[str]:
        """The texts of output, in the order of the log."""
        found = []
        for line in self.raw().split("\n"):
            entry = parse_line(line)
            told = entry.fields.get("eventType")  # of a line that is being written: nothing yet
            if entry.fields.get("thread") != "Copier" or told is None:
                continue
            if stream in (None, told):
                found.append(entry.fields["message"])
        return found

    def wait_for_some(self, text: str) -> None:
        """As `wait_for`, for a part of a line."""
        wait_until(lambda: text in self.raw(), lambda: f"{text!r} in {self.lines()[-5:]}", 60)

    def wait_for(self, line: str) -> None:
        wait_until(
            lambda: line in self.lines(), lambda: f"{line!r} in {self.lines()[-5:]}", 60, 0.2
        )


def _number(path: Path) -> int:
    return int(path.stem.rpartition("_")[2])


@pytest.fixture
def reader(lab: Any, tmp_path: Path) -> Iterator[Reader]:
    running = Reader(tmp_path, lab.socket)
    yield running
    running.kill()


@pytest.fixture
def run(lab: Any) -> Iterator[Callable[..., str]]:
    """Starts a container: `run(script, *options)`; gives its id."""
    lab.reset()
    assert lab.docker("pull", IMAGE).returncode == 0

    def start(script: str, *options: str) -> str:
        result = lab.docker("run", "-d", *options, IMAGE, "/bin/sh", "-c", script)
        assert result.returncode == 0, result.stderr
        return str(result.stdout.strip())

    yield start
    lab.engine.empty()
