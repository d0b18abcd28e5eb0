"""The lab's private network and mount namespaces, from the outside: open, enter, close.

The guard (see `guard.py`) is the process inside that keeps them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
_CLONE_NEWNET = 0x40000000
_OPEN_TIMEOUT_S = 20
_CLOSE_TIMEOUT_S = 40


class Namespaces:
    """Open from construction to `close`."""

    def __init__(self, folder: Path, *, keep_files: bool) -> None:
        """`folder` must exist; the guard removes it at the end unless `keep_files`."""
        self._folder = folder
        self._keep_files = keep_files
        argv = ["unshare", "--net", "--mount", "--propagation", "private"]
        argv += [sys.executable, "-m", "lab.guard", str(folder)]
        self._guard = subprocess.Popen(
            [*argv, "keep"] if keep_files else argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(_TESTS)},
            start_new_session=True,
        )
        answer = self._first_line()
        if not answer:
            self.close()
            raise AssertionError(f"the lab's guard said nothing within {_OPEN_TIMEOUT_S} s")
        self.missing_for_bridge = None if answer == "bridge" else answer

    @property
    def pid(self) -> int:
        """A process inside: `/proc/PID/root` shows what the lab has mounted."""
        return self._guard.pid

    def argv(self, *command: str, cwd: Path | str = "/") -> list[str]:
        """The command line that runs `command` inside."""
        spaces = f"/proc/{self._guard.pid}/ns"
        enter = ["nsenter", f"--net={spaces}/net", f"--mount={spaces}/mnt", f"--wdns={cwd}"]
        return [*enter, "--", *command]

    @contextlib.contextmanager
    def network(self) -> Iterator[None]:
        """The calling thread, and threads that it starts, are in the lab's network meanwhile."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        labs = os.open(f"/proc/{self._guard.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter_network(labs)
            try:
                yield
            finally:
                _enter_network(own)
        finally:
            os.close(labs)
            os.close(own)

    def close(self) -> None:
        """End everything inside; AssertionError with the guard's words when that fails."""
        _, text = self._guard.communicate(timeout=_CLOSE_TIMEOUT_S)
        code = self._guard.returncode
        if code or (self._folder.exists() and not self._keep_files):
            raise AssertionError(f"the lab's guard ended with {code}:\n{text}")

    def _first_line(self) -> str:
        assert self._guard.stdout is not None
        ready, _, _ = select.select([self._guard.stdout], [], [], _OPEN_TIMEOUT_S)
        return self._guard.stdout.readline().strip() if ready else ""


def _enter_network(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot enter the network namespace")
