"""A greendock core as tests use it: a real process against the lab's engine, and its command line.

The core runs inside the lab's namespaces, as root with the default settings of a fresh machine
(so components run as ggc_user, who is in the group docker there).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import processes
from .lab import Lab
from .server import Server
from .waiting import wait_until

_GREENDOCK = Path(sys.executable).parent / "greendock"
_START_TIMEOUT_S = 30
_STOP_TIMEOUT_S = 60
_CLI_TIMEOUT_S = 120


class Core:
    """One core: its root folder, its process, its command line."""

    def __init__(
        self,
        lab: Lab,
        root: Path,
        config: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        place: Path | None = None,
    ) -> None:
        """`config` is the init-config, without soak time unless it has one; `env` is laid over
        the lab's environment; `place` is where the core finds `root` inside the lab, when that is
        another path there."""
        self.lab = lab
        self.root = root
        self.place = place or root
        self.output = root.with_name(f"{root.name}.out")
        self._env = {**lab.env, **(env or {})}
        self._server: Server | None = None
        self._init_config = root.with_name(f"{root.name}.json")
        self._init_config.write_text(json.dumps(_without_soak(config or {})))

    def start(self, env: Mapping[str, str] | None = None) -> None:
        """Start the process and wait until its IPC socket answers. `env`: for this life alone."""
        assert not self.running, "the core runs already"
        command = [str(_GREENDOCK), "run", "--root", str(self.place)]
        command += ["--init-config", str(self._init_config)]
        self._server = Server(self.lab.inside(*command), self.output, {**self._env, **(env or {})})
        self._server.wait_ready(self._answers, "the core", _START_TIMEOUT_S)

    @property
    def running(self) -> bool:
        return self._server is not None and self._server.running

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    def stop(self) -> int:
        """SIGTERM, as a service manager does; the exit code."""
        assert self._server is not None
        return self._server.stop(signal.SIGTERM, _STOP_TIMEOUT_S)

    def kill(self) -> None:
        """SIGKILL: the core gets no chance to tidy up."""
        assert self._server is not None
        self._server.stop(signal.SIGKILL)

    def cli(
        self,
        *args: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float = _CLI_TIMEOUT_S,
    ) -> subprocess.CompletedProcess[str]:
        """Run `greendock ARGS` for this core; the caller looks at the exit code."""
        command = [str(_GREENDOCK), *map(str, args)]
        return subprocess.run(
            self.lab.inside(*command, cwd=cwd or Path.cwd()),
            env={**self._env, "GGC_ROOT_PATH": str(self.root), **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def deploy(self, *args: str | Path) -> subprocess.CompletedProcess[str]:
        """`greendock deploy ARGS`, which has to succeed."""
        result = self.cli("deploy", *args)
        assert result.returncode == 0, self.describe(result)
        return result

    def state(self, component: str) -> str:
        """The component's state, as `component details` gives it; "" when there is no such."""
        result = self.cli("component", "details", "--name", component)
        for line in result.stdout.splitlines():
            name, _, value = line.strip().partition(": ")
            if name == "State":
                return value
        return ""

    def wait_state(self, component: str, states: Sequence[str], timeout_s: float = 60) -> str:
        """Wait until the component is in one of these states; that state."""

        def text() -> str:
            return (
                f"{component} is one of {states}, it is {self.state(component)!r}\n{self.tail()}"
            )

        wait_until(lambda: self.state(component) in states, text, timeout_s, pause_s=0.2)
        return self.state(component)

    def log(self, component: str) -> str:
        """What the component's log holds by now."""
        path = self.root / "logs" / f"{component}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_log(self, component: str, text: str, timeout_s: float = 60) -> None:
        """Wait until the component's log has `text`."""
        wait_until(
            lambda: text in self.log(component),
            lambda: (
                f"{text!r} is in the log of {component}:\n{self.log(component)}\n{self.tail()}"
            ),
            timeout_s,
        )

    def tail(self) -> str:
        """The last lines of the core's own output."""
        return self._server.last_lines() if self._server else ""

    def describe(self, result: subprocess.CompletedProcess[str]) -> str:
        """A command's result with the core's last words, for the message of an assertion."""
        return (
            f"{result.args} gave {result.returncode}\n{result.stdout}\n{result.stderr}\n"
            f"--- core\n{self.tail()}"
        )

    def end(self) -> None:
        """Kill the core and what it started, and remove its files."""
        if self.running:
            self.stop()
        for place in {self.root, self.place}:
            processes.end_all(lambda place=place: processes.mentioning(str(place)))
        shutil.rmtree(self.root)
        self.output.unlink(missing_ok=True)
        self._init_config.unlink()

    def _answers(self) -> bool:
        # By way of the open folder, since a socket's own path may be too long to connect to.
        folder = os.open(self.root, os.O_PATH)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.connect(f"/proc/self/fd/{folder}/ipc.socket")
        finally:
            os.close(folder)
        return any((self.root / "cli_ipc_info").iterdir())


def _without_soak(config: Mapping[str, Any]) -> dict[str, Any]:
    """Deployments of tests end as soon as components run, where the test doesn't say otherwise."""
    ours = config.get("greendock", {})
    if not isinstance(ours, Mapping):
        return dict(config)
    return {**config, "greendock": {"health": {"soakSeconds": 0}, **ours}}


class CoreMaker:
    """Makes cores and ends all that it made."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._cores: list[Core] = []

    def __call__(
        self,
        config: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        *,
        started: bool = True,
        place: Callable[[Path], Path] | None = None,
    ) -> Core:
        """A core in a new root folder; `started=False` leaves the start to the test. `place`
        gives a new root folder another path inside the lab."""
        # Short, for the sockets below it; open to all, since components have a user of their own.
        root = Path(tempfile.mkdtemp(prefix="gc", dir="/tmp"))
        root.chmod(0o755)
        core = Core(self._lab, root, config, env, place(root) if place else None)
        self._cores.append(core)
        if started:
            core.start()
        return core

    def end_all(self) -> None:
        while self._cores:
            self._cores.pop().end()
