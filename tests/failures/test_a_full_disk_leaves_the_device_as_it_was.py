"""A disk that is full, with a real file system of sixty megabytes: what ran still runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.root

APP = "com.example.Runs"
GREENDOCK = Path(sys.executable).parent / "greendock"
CONFIG = {
    "services": {
        "aws.greengrass.Nucleus": {"configuration": {"runWithDefault": {"posixUser": "root"}}}
    }
}


class SmallCore:
    """A core whose root folder is a file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=60m,mode=755", "tmpfs", self.root], check=True
        )
        config = folder / "config.json"
        config.write_text(json.dumps(CONFIG))
        self.start("--init-config", config)
        self.wait_reachable()

    def start(self, *options: str | Path) -> None:
        self.process = subprocess.Popen(
            [GREENDOCK, "run", "--root", self.root, *options], stderr=subprocess.DEVNULL
        )

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)

    def wait_reachable(self) -> None:
        deadline = time.monotonic() + 30
        while self.cli("component", "list")[0] != 0:
            assert time.monotonic() < deadline, "the core does not start"
            time.sleep(0.05)

    def cli(self, *args: str | Path) -> tuple[int, dict[str, Any]]:
        result = subprocess.run(
            [GREENDOCK, "--root", self.root, *args, "--json"], capture_output=True, text=True
        )
        return result.returncode, json.loads(result.stdout or "{}")

    def running(self) -> tuple[str, int]:
        shown = self.cli("component", "details", "-n", APP)[1]
        return shown["state"], shown["pid"]

    def wait_process(self) -> None:
        """Until a script of the component runs."""
        place = self.root / "work" / APP
        deadline = time.monotonic() + 30
        while not any(_folder_of(pid) == place for pid in Path("/proc").glob("[0-9]*")):
            assert self.process.poll() is None, "the core has ended"
            assert time.monotonic() < deadline, "the component does not start"
            time.sleep(0.05)

    def end(self) -> None:
        self.stop()
        subprocess.run(["umount", "-l", self.root], check=True)


def _folder_of(process: Path) -> Path | None:
    try:
        return (process / "cwd").readlink()
    except OSError:
        return None


@pytest.fixture
def small_core() -> Iterator[SmallCore]:
    assert os.geteuid() == 0, "mounting a small file system needs root: use `make test`"
    folder = Path(tempfile.mkdtemp(prefix="gc", dir="/tmp"))
    core = SmallCore(folder)
    yield core
    core.end()
    shutil.rmtree(folder)


def recipe(folder: Path) -> Path:
    path = folder / "recipe.json"
    path.write_text(
        json.dumps(
            {
                "RecipeFormatVersion": "2020-01-25",
                "ComponentName": APP,
                "ComponentVersion": "1.0.0",
                "Manifests": [{"Lifecycle": {"Run": "exec sleep 100000"}}],
            }
        )
    )
    return path


def large_artifact(folder: Path, size_bytes: int) -> Path:
    store = folder / "artifacts" / APP / "1.0.0"
    store.mkdir(parents=True, exist_ok=True)
    (store / "large.bin").write_bytes(b"x" * size_bytes)
    return folder / "artifacts"


def test_what_cannot_fit_is_refused_before_it_is_copied(
    small_core: SmallCore, tmp_path: Path
) -> None:
    path = recipe(tmp_path)
    assert small_core.cli("deploy", path)[0] == 0
    before = small_core.running()
    code, answer = small_core.cli(
        "deploy", path, "--artifactDir", large_artifact(tmp_path, 45_000_000)
    )
    assert (code, answer["detailedStatus"]) == (1, "FAILED_NO_STATE_CHANGE")
    assert "DISK_SPACE_CRITICAL" in answer["errorStack"]
    assert "45000000 bytes" in answer["cause"]
    assert small_core.running() == before == ("RUNNING", before[1])
    assert not list(small_core.root.rglob("large.bin"))


def test_a_disk_without_any_space_refuses_a_deployment_and_recovers(
    small_core: SmallCore, tmp_path: Path
) -> None:
    path = recipe(tmp_path)
    assert small_core.cli("deploy", path)[0] == 0
    before = small_core.running()
    ballast = small_core.root / "ballast"
    _fill(ballast)
    code, answer = small_core.cli(
        "deploy", path, "--update-config", json.dumps({APP: {"MERGE": {"text": "x" * 100_000}}})
    )
    assert code == 1, answer
    assert small_core.running() == before
    ballast.unlink()
    code, answer = small_core.cli("deploy", path)
    assert code == 0, answer
    assert small_core.running() == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_core_starts_on_a_full_disk_and_runs_what_is_deployed(
    small_core: SmallCore, tmp_path: Path, number: int
) -> None:
    assert small_core.cli("deploy", recipe(tmp_path))[0] == 0
    ballast = small_core.root / "ballast"
    _fill(ballast)
    small_core.stop(number)
    _fill(small_core.root / "more ballast")
    small_core.start()
    small_core.wait_process()
    (small_core.root / "more ballast").unlink()
    ballast.unlink()
    small_core.wait_reachable()
    assert small_core.running()[0] == "RUNNING"
    assert small_core.cli("deploy", recipe(tmp_path))[0] == 0


def _fill(ballast: Path) -> None:
    """Take every byte that is free."""
    with ballast.open("wb", buffering=0) as file:
        for chunk in (1_000_000, 4096, 1):
            try:
                while True:
                    file.write(b"x" * chunk)
            except OSError:
                continue
