"""A core as these tests use it: components written down, deployed, and what became of them.

Scripts leave their traces in files (`Device.note`, `Device.keep_environment`), and the history of
states comes from the core's own log, so that no state is missed between two looks.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lab import processes
from lab.component import Component
from lab.core import Core
from lab.waiting import wait_until

__all__ = ["FOREVER", "Component", "Device"]

_STATE = re.compile(r"service-set-state\. \{serviceName=(\S+), currentState=\w+, newState=(\w+)\}")
FOREVER = "exec sleep 100000"
_numbers = itertools.count()


class Device:
    """A core, what was deployed to it, and the notes that scripts wrote."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._deployed: dict[str, None] = {}
        self._notes = core.root / "notes"
        self._notes.write_text("")
        self._notes.chmod(0o666)

    # --- what scripts do

    def note(self, text: str) -> str:
        """A command that adds a line to the notes of all components."""
        return f"echo {shlex.quote(text)} >> {self._notes}"

    def notes(self) -> list[str]:
        return self._notes.read_text().splitlines()

    def wait_notes(self, *expected: str) -> None:
        """Wait until the notes are these."""
        wait_until(
            lambda: self.notes() == list(expected),
            lambda: f"the notes are {expected}, they are {self.notes()}\n{self.core.tail()}",
        )

    @staticmethod
    def keep_environment(name: str) -> str:
        """A command that keeps its environment for `environment(component, name)`."""
        return f"env -0 > {name}.new && mv {name}.new {name}"

    def environment(self, component: str, name: str) -> dict[str, str]:
        path = self.work(component) / name
        wait_until(path.exists, f"{component} keeps its environment in {name}")
        pairs = (entry.partition("=") for entry in path.read_text().split("\0") if entry)
        return {key: value for key, _, value in pairs}

    def work(self, component: str) -> Path:
        return self.core.root / "work" / component

    # --- deployments

    def try_deploy(self, *components: Component, options: Sequence[str] = ()) -> dict[str, Any]:
        """`greendock deploy --json`; its answer with the command's `exit` code."""
        # Below the root, since every core can read that.
        folder = self.core.root / "incoming" / str(next(_numbers))
        for component in components:
            component.write(folder)
            self._deployed[component.name] = None
        result = self.core.cli("deploy", folder, *options, "--json")
        assert result.stdout, self.core.describe(result)
        return {"exit": result.returncode, **json.loads(result.stdout)}

    def deploy(self, *components: Component, options: Sequence[str] = ()) -> dict[str, Any]:
        """A deployment that has to succeed."""
        answer = self.try_deploy(*components, options=options)
        assert answer["exit"] == 0, f"{answer}\n{self.core.tail()}"
        return answer

    def change(self, *options: str) -> dict[str, Any]:
        """`greendock deployment create OPTIONS --wait`, which has to succeed."""
        result = self.core.cli("deployment", "create", *options, "--wait", "--json")
        assert result.returncode == 0, self.core.describe(result)
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    def remove(self, *names: str) -> None:
        for name in names:
            self._deployed.pop(name, None)
        self.change("--remove", ",".join(names))

    def remove_all(self) -> None:
        """Leave the core as it was found."""
        if self._deployed and self.core.running:
            self.remove(*self._deployed)

    # --- what became of them

    def details(self, component: str) -> dict[str, Any]:
        result = self.core.cli("component", "details", "-n", component, "--json")
        assert result.returncode == 0, self.core.describe(result)
        shown: dict[str, Any] = json.loads(result.stdout)
        return shown

    def pid(self, component: str) -> int:
        """The main script's process."""
        pid = self.details(component)["pid"]
        assert isinstance(pid, int), f"{component} has no process"
        return pid

    def lines(self, log: str) -> list[str]:
        """All lines of a log, those of rotated files first."""
        return [line for path in log_files(self.core.root, log) for line in read_lines(path)]

    def history(self, component: str) -> list[str]:
        """The states that the component entered, since the core's folder was made."""
        found = (_STATE.search(line) for line in self.lines("greengrass"))
        return [match[2] for match in found if match is not None and match[1] == component]

    def wait_history(self, component: str, *states: str, timeout_s: float = 20) -> None:
        """Wait until the component's history is this."""
        wait_until(
            lambda: self.history(component) == list(states),
            lambda: (
                f"the history of {component} is {states}, it is {self.history(component)}\n"
                + "\n".join(self.lines(component)[-20:])
            ),
            timeout_s,
        )

    def wait_state(self, component: str, state: str, timeout_s: float = 20) -> None:
        """Wait until the state that it entered last is this."""
        wait_until(
            lambda: self.history(component)[-1:] == [state],
            lambda: (
                f"{component} is {state}, its history is {self.history(component)}\n"
                + "\n".join(self.lines(component)[-20:])
            ),
            timeout_s,
        )

    def wait_line(self, component: str, text: str, timeout_s: float = 20) -> str:
        """Wait until a line of the component's log has `text`; the first such line."""

        def found() -> list[str]:
            return [line for line in self.lines(component) if text in line]

        wait_until(
            found,
            lambda: f"{text!r} is in the log of {component}:\n" + "\n".join(self.lines(component)),
            timeout_s,
        )
        return found()[0]


def log_files(root: Path, log: str) -> Iterator[Path]:
    """The files of a log, oldest first."""
    rotated = re.compile(rf"{re.escape(log)}_(\d{{4}}_\d\d_\d\d_\d\d)_(\d+)\.log")
    matches = (rotated.fullmatch(path.name) for path in (root / "logs").iterdir())
    old = sorted((match[1], int(match[2]), match[0]) for match in matches if match is not None)
    yield from (root / "logs" / name for _, _, name in old)
    yield root / "logs" / f"{log}.log"


def read_lines(path: Path) -> list[str]:
    """Its complete lines; none when it isn't there."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_text(errors="replace").split("\n")[:-1]
    return []


def wait_gone(pids: Sequence[int], timeout_s: float = 20) -> None:
    """Wait until none of these processes runs."""
    wait_until(
        lambda: not any(map(processes.alive, pids)),
        lambda: f"these processes end: {[pid for pid in pids if processes.alive(pid)]}",
        timeout_s,
    )
