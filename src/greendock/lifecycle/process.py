"""One started script: its own session, its user, its output line by line, its exit status.

Knows nothing of components or states; scripts.py says what to start and process_tree.py ends what
it leaves behind. No child watcher of asyncio is involved: the exit is read from a pidfd.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import os
import subprocess
import termios
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from greendock.lifecycle.lines import LineSplitter
from greendock.lifecycle.orphans import expected
from greendock.lifecycle.process_tree import ProcessTree
from greendock.lifecycle.run_as import Account

_CHUNK_BYTES = 64 * 1024
# The script waits at its stdin until it is in its control group: nothing of it can fork before.
_GATE = 'read -r go && exec "$0" -c "$1" </dev/null'

OnLine = Callable[[str, str], None]
"""Called with the stream (`stdout`, `stderr`) and a line."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start: `shell -c script` in `folder`, with exactly `environment`, as `account`."""

    shell: str
    script: str
    folder: Path
    environment: Mapping[str, str]
    account: Account


class ScriptProcess:
    """A running script. `exit` is done once its own process ended, whatever it left behind."""

    def __init__(self, process: subprocess.Popen[bytes], on_line: OnLine) -> None:
        self._process = process
        self._loop = asyncio.get_running_loop()
        self.pid = process.pid
        self.exit: asyncio.Future[int] = self._loop.create_future()
        self._outputs = [
            _Output(pipe, name, on_line)
            for name, pipe in (("stdout", process.stdout), ("stderr", process.stderr))
            if pipe is not None
        ]
        self._pidfd = os.pidfd_open(process.pid)
        self._loop.add_reader(self._pidfd, self._ended)

    def _ended(self) -> None:
        status = self._process.poll()
        if status is None:
            return
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        expected.discard(self.pid)
        for output in self._outputs:
            output.take_what_is_there()
        if not self.exit.done():
            # A signal's death is reported as shells and the JVM do.
            self.exit.set_result(status if status >= 0 else 128 - status)

    @property
    def has_ended(self) -> bool:
        return self.exit.done()

    async def wait(self) -> int:
        """The exit status; cancelling this wait does not touch the process."""
        return await asyncio.shield(self.exit)

    def close(self) -> None:
        """Take the output that is there and listen no more."""
        for output in self._outputs:
            output.take_what_is_there()
            output.close()


class _Output:
    """One pipe of a process, read as it fills, until everybody who holds it has gone."""

    def __init__(self, pipe: IO[bytes], stream: str, on_line: OnLine) -> None:
        self._pipe = pipe
        self._descriptor = pipe.fileno()
        self._stream = stream
        self._on_line = on_line
        self._splitter = LineSplitter()
        self._loop = asyncio.get_running_loop()
        self._open = True
        os.set_blocking(self._descriptor, False)
        self._loop.add_reader(self._descriptor, self._read)

    def _read(self) -> int:
        """Bytes taken; 0 at the end of the pipe or when it is empty."""
        try:
            chunk = os.read(self._descriptor, _CHUNK_BYTES)
        except BlockingIOError:
            return 0
        except OSError:
            chunk = b""
        if not chunk:
            self.close()
            return 0
        for line in self._splitter.feed(chunk):
            self._on_line(self._stream, line)
        return len(chunk)

    def take_what_is_there(self) -> None:
        """Read what is in the pipe at this moment, and not what a survivor adds meanwhile."""
        if not self._open:
            return
        size = array.array("i", [0])
        fcntl.ioctl(self._descriptor, termios.FIONREAD, size)
        left = size[0]
        while self._open and left > 0:
            taken = self._read()
            if taken == 0:
                break
            left -= taken

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._descriptor)
        self._pipe.close()
        for line in self._splitter.finish():
            self._on_line(self._stream, line)


def start(launch: Launch, tree: ProcessTree, on_line: OnLine) -> ScriptProcess:
    """Start a script as a member of `tree`.

    Raises OSError (no shell, no folder, no memory, script too long) and ValueError (a variable
    with a NUL byte or a name with `=`).
    """
    gated = tree.group is not None
    command = [launch.shell, "-c", launch.script]
    if gated:
        command = ["/bin/sh", "-c", _GATE, launch.shell, launch.script]
    account = launch.account
    process = subprocess.Popen(
        command,
        cwd=launch.folder,
        env=dict(launch.environment),
        stdin=subprocess.PIPE if gated else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
        user=None if account.own else account.uid,
        group=None if account.own else account.gid,
        extra_groups=None if account.own else account.groups,
    )
    expected.add(process.pid)
    tree.add(process.pid)
    started = ScriptProcess(process, on_line)
    if process.stdin is not None:
        # A script that is gone already can't read; its exit status tells.
        with contextlib.suppress(OSError):
            process.stdin.write(b"\n")
            process.stdin.close()
    return started
