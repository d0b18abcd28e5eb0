"""The command line publishes in one process and listens in another, through a running core."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab.broker import Broker
from lab.lab import Lab

DEADLINE_S = 30


class Ears:
    """Processes that listen."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[str]] = []

    def start(self, root: Path, *words: str) -> subprocess.Popen[str]:
        """Returns when it has subscribed."""
        command = [sys.executable, "-m", "greendock", *words, "--root", str(root)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)
        self._started.append(process)
        assert process.stdout is not None
        topic = words[words.index("-t") + 1]
        line = process.stdout.readline()
        assert line == f"Successfully subscribed to topic: {topic}\n", process.communicate()
        return process

    def end(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()


@pytest.fixture
def ears() -> Iterator[Ears]:
    started = Ears()
    yield started
    started.end()


@pytest.fixture
def broker(lab: Lab, tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path / "broker", lab)
    made.start()
    yield made
    made.stop()


def test_messages_go_from_one_process_to_the_other(make_device, broker, ears):
    mqtt = {"mqtt": {"endpoint": f"mqtt://127.0.0.1:{broker.port}"}}
    core = make_device({"greendock": mqtt}).core
    limits = ("--count", "2", "--timeout", str(DEADLINE_S))
    local = ears.start(core.root, "pubsub", "sub", "-t", "lamp/#", *limits)
    remote = ears.start(core.root, "iotcore", "sub", "-t", "sensors/+", "-q", "1", *limits)
    for words in (
        ["pubsub", "pub", "-t", "lamp/hall", "-m", "on"],
        ["pubsub", "pub", "-t", "lamp/hall", "--json-message", '{"brightness": 40}'],
        ["iotcore", "pub", "-t", "sensors/1", "-m", "21.5", "-q", "1"],
        ["iotcore", "pub", "-t", "sensors/2", "-m", "22", "-q", "1"],
    ):
        sent = core.cli(*words)
        assert (sent.returncode, sent.stdout, sent.stderr) == (0, "", ""), core.describe(sent)
    assert local.communicate(timeout=DEADLINE_S) == ('on\n{"brightness":40}\n', "")
    assert remote.communicate(timeout=DEADLINE_S) == ("21.5\n22\n", "")
    assert (local.returncode, remote.returncode) == (0, 0)
    made = core.cli("get-debug-password", "--json")
    assert made.returncode == 0, core.describe(made)
    expires_at = json.loads(made.stdout)["passwordExpiration"]
    assert datetime.fromtimestamp(expires_at, UTC) > datetime.now(UTC)


def test_without_a_broker_it_says_which_keys_to_set(make_device):
    core = make_device().core
    for words in (["sub"], ["pub", "-m", "x"]):
        refused = core.cli("iotcore", *words, "-t", "a")
        assert refused.returncode == 1
        assert "greendock.mqtt.endpoint" in refused.stderr


def test_a_core_that_stops_ends_the_listening(make_device, ears):
    core = make_device().core
    ear = ears.start(core.root, "pubsub", "sub", "-t", "a")
    core.stop()
    _, err = ear.communicate(timeout=DEADLINE_S)
    assert ear.returncode == 3, err
