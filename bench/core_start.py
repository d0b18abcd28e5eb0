"""(c) How long a core takes to start, alone and until twenty components run, (d) its idle memory.

Twenty shells that start a process each, started by hand, stand for the processes' own start.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands import GREENDOCK
from bench.components import write_recipe
from bench.figures import heading, line, spread

if TYPE_CHECKING:
    from lab.core import Core, CoreMaker
    from lab.lab import Lab

COMPONENTS = 20
POLL_S = 0.002
DEADLINE_S = 60.0


def measure(lab: Lab, make_core: CoreMaker, folder: Path, rounds: int) -> None:
    empty = make_core(started=False)
    full = make_core()
    recipes = folder / "twenty"
    recipes.mkdir()
    for number in range(COMPONENTS):
        write_recipe(recipes, f"com.example.Sleeper{number}", run="exec sleep 100000")
    full.deploy(recipes)
    full.stop()
    alone, running, shells, memory, memory_full = [], [], [], [], []
    for _ in range(rounds):
        started = _Started(lab, empty.root)
        alone.append(started.until_listening())
        time.sleep(1)
        memory.append(started.memory_mb())
        started.end()
        started = _Started(lab, full.root)
        running.append(started.until_running(COMPONENTS))
        time.sleep(1)
        memory_full.append(started.memory_mb())
        started.end()
        shells.append(_start_shells(lab))
    heading("(c) start of the core")
    line("until its IPC socket answers", spread(alone), "under 0.5 s")
    line(f"until {COMPONENTS} components are RUNNING", spread(running))
    line(f"for comparison: {COMPONENTS} shells with a process each", spread(shells))
    rest = [a - b for a, b in zip(running, shells, strict=True)]
    line("until they are RUNNING, less the shells", spread(rest), "under 1.5 s")
    heading("(d) idle memory of the core (PSS)")
    line("without components", _megabytes(memory), "under 34 MB")
    line(f"with {COMPONENTS} components", _megabytes(memory_full), "under 34 MB")
    line("with images pulled (engine client loaded)", _megabytes([_after_pull(make_core, folder)]))
    for core in (empty, full):
        core.end()


class _Started:
    """A core process whose start is being timed."""

    def __init__(self, lab: Lab, root: Path) -> None:
        self._root = root
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            lab.inside(str(GREENDOCK), "run", "--root", str(root)),
            env=lab.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def until_listening(self) -> float:
        deadline = self.began + DEADLINE_S
        while time.monotonic() < deadline:
            with socket.socket(socket.AF_UNIX) as client:
                try:
                    client.connect(str(self._root / "ipc.socket"))
                    return time.monotonic() - self.began
                except OSError:
                    time.sleep(POLL_S)
        raise TimeoutError("the core does not listen")

    def until_running(self, count: int) -> float:
        """Until so many logs tell of a run script that was started in this life of the core."""
        from greendock.cli.client import Client

        self.until_listening()
        deadline = self.began + DEADLINE_S
        while time.monotonic() < deadline:
            try:
                with Client(str(self._root)) as client:
                    answer = client.call("aws.greengrass#ListComponents")
            except Exception:
                time.sleep(POLL_S)
                continue
            states = [c["state"] for c in answer["components"] if "Sleeper" in c["componentName"]]
            if states.count("RUNNING") == count:
                return time.monotonic() - self.began
            time.sleep(POLL_S)
        raise TimeoutError("the components do not run")

    def memory_mb(self) -> float:
        return pss_mb(self._process.pid)

    def end(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(DEADLINE_S)


def pss_mb(pid: int) -> float:
    """Proportional set size of a process in megabytes (10^6)."""
    for entry in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if entry.startswith("Pss:"):
            return int(entry.split()[1]) * 1024 / 1e6
    raise ValueError("no Pss line")


def _start_shells(lab: Lab) -> float:
    """Seconds until twenty shells, each with a process, have been started one after another."""
    began = time.monotonic()
    shells = [
        subprocess.Popen(["sh", "-c", "exec sleep 100000"], start_new_session=True)
        for _ in range(COMPONENTS)
    ]
    for shell in shells:
        while Path(f"/proc/{shell.pid}/comm").read_text().strip() != "sleep":
            time.sleep(0.001)
    seconds = time.monotonic() - began
    for shell in shells:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
    return seconds


def _after_pull(make_core: CoreMaker, folder: Path) -> float:
    core: Core = make_core()
    image = "registry.lab.test:5443/team/app:1.0"
    core.deploy(write_recipe(folder, "com.example.OneImage", run=None, images=[image]))
    time.sleep(1)
    memory = pss_mb(core.pid)
    core.end()
    return memory


def _megabytes(values: list[float]) -> str:
    return f"{sum(values) / len(values):.1f} MB"
