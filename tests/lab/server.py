"""One server process of the lab, with its log; knows nothing about what it serves."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .waiting import wait_until

_LAST_LINES = 20
_STOP_TIMEOUT_S = 15


class Server:
    """A started process. Its output goes to `log`; it is the leader of a session of its own."""

    def __init__(
        self, argv: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(part) for part in argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait_ready(self, ready: Callable[[], object], what: str, timeout_s: float = 30) -> None:
        """Wait until `ready`; a process that ends before it is an error at once."""

        def ready_or_ended() -> bool:
            return not self.running or bool(ready())

        wait_until(ready_or_ended, lambda: f"{what} is ready\n{self.last_lines()}", timeout_s)
        if not self.running:
            code = self._process.returncode
            raise AssertionError(f"{what} ended with {code} at its start\n{self.last_lines()}")

    def last_lines(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-_LAST_LINES:])

    def send(self, number: int) -> None:
        if self.running:
            self._process.send_signal(number)

    def wait(self, timeout_s: float = _STOP_TIMEOUT_S) -> int:
        """The exit code, as Popen gives it (negative: ended by that signal)."""
        return self._process.wait(timeout_s)

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = _STOP_TIMEOUT_S) -> int:
        """Signal the process and wait; after `timeout_s` its whole session is killed."""
        self.send(number)
        try:
            return self.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            return self.wait()
