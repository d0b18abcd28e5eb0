"""A lab leaves no process, mount, control group or file, even when its tests are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab import processes
from lab.waiting import wait_until

TESTS = Path(__file__).resolve().parents[1]
# A second lab, in a process of its own, with a container that ignores requests to stop.
PROGRAM = """
import sys
from lab.lab import Lab
lab = Lab.open()
stubborn = "trap '' TERM; while :; do sleep 1; done"
started = lab.docker("run", "--detach", "mysql:8.0", "/bin/sh", "-c", stubborn)
print(lab.folder if started.returncode == 0 else started.stderr, flush=True)
sys.stdin.read()
lab.close()
"""


@pytest.mark.lab
@pytest.mark.parametrize("killed", [False, True], ids=["closed", "killed"])
def test_nothing_stays_behind(killed):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    ) as tests:
        folder = Path(tests.stdout.readline().strip())
        assert folder.is_dir(), folder
        assert processes.mentioning(str(folder)), "the lab runs"
        if killed:
            tests.send_signal(signal.SIGKILL)
        tests.stdin.close()
        code = tests.wait(60)
    assert code == (-signal.SIGKILL if killed else 0)
    wait_until(lambda: not folder.exists(), f"{folder} is removed", timeout_s=40)
    wait_until(
        lambda: not processes.mentioning(str(folder)), "the lab's processes end", timeout_s=20
    )
    assert not list(folder.parent.glob(f"{folder.name}*"))
    assert str(folder) not in Path("/proc/self/mounts").read_text()
    groups = Path("/sys/fs/cgroup")
    assert not list(groups.glob(folder.name)) + list(groups.glob(f"*/{folder.name}"))
