"""One started script: its own session, its user, its output line by line, its exit status.

Knows nothing of components or states; scripts.py says what to start and process_tree.py ends what
it leaves behind. No child watcher of asyncio is involved: the exit is read from a pidfd.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from greendock.lifecycle.orphans import expected
from greendock.lifecycle.output import OnLine, Output
from greendock.lifecycle.process_tree import ProcessTree
from greendock.lifecycle.run_as import Account

# The script waits at its stdin until it is in its control group: nothing of it can fork before.
_GATE = 'read -r go && exec "$0" -c "$1" </dev/null'


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
            Output(pipe, name, on_line)
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
