"""What containers an engine has, and whether they are those that should exist."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kinds import Kind

from greendock.docker.containers import labels
from lab.core import Core
from lab.lab import Lab
from lab.waiting import wait_until

SETTLE_S = 60.0
_PAUSE_S = 0.3
_READY = "RUNNING"
_NOTED = "SELECT component FROM container_generation WHERE members != '' AND NOT is_ending"


@dataclass(frozen=True)
class Container:
    """`part`: as in `kinds.py`. `component` and `version` by our labels, "" without them.
    `token`: the IPC token in its environment."""

    id: str
    part: str
    is_running: bool
    started_at: str
    component: str
    version: str
    token: str = field(default="", repr=False)

    def __str__(self) -> str:
        state = "runs" if self.is_running else "does not run"
        return f"{self.part} ({self.id[:12]}, {self.component} {self.version}, {state})"


@dataclass(frozen=True)
class Expectation:
    """Components that may be deployed, by kind, and containers that belong to nobody."""

    kinds: Mapping[str, Kind]
    others: frozenset[str] = frozenset()


def containers(lab: Lab) -> list[Container]:
    """Every container of the engine, by part."""
    listed = lab.engine.call("GET", "/containers/json?all=1").json()
    answers = (lab.engine.call("GET", f"/containers/{one['Id']}/json") for one in listed)
    return sorted(
        (_read(answer.json()) for answer in answers if answer.status == 200),
        key=lambda one: (one.part, one.id),
    )


def settled_and_exact(
    core: Core, expectation: Expectation, timeout_s: float = SETTLE_S
) -> list[Container]:
    """Wait until all that is deployed runs, and exactly its containers exist; those.

    Two looks, one after the other, have to find the same.
    """
    lab = core.lab
    seen: list[list[Container]] = [[]]
    faults = ["no look was taken"]

    def settled() -> bool:
        faults[:] = _differences(_deployed(core, expectation), containers(lab), expectation)
        found = containers(lab)
        seen.append(found)
        return not faults and found == seen[-2]

    def story() -> str:
        there = "\n".join(map(str, containers(lab)))
        return f"settled: {'; '.join(faults)}\n--- containers\n{there}\n--- core\n{core.tail()}"

    wait_until(settled, story, timeout_s, _PAUSE_S)
    return seen[-1]


def wait_noted(core: Core, expectation: Expectation) -> None:
    """Wait until the core has noted the containers of what comes up step by step as whole."""
    wanted = {name for name, kind in expectation.kinds.items() if kind.is_noted_when_whole}

    def noted() -> set[str]:
        # The core has the database for itself alone.
        with tempfile.TemporaryDirectory() as folder:
            for path in (core.root / "config").glob("greendock.db*"):
                shutil.copy(path, folder)
            database = sqlite3.connect(Path(folder) / "greendock.db")
            with contextlib.closing(database), contextlib.suppress(sqlite3.DatabaseError):
                return {row[0] for row in database.execute(_NOTED)}
        return set()

    if wanted:
        wait_until(lambda: wanted <= noted(), lambda: f"noted: {wanted - noted()}", SETTLE_S)


def _deployed(core: Core, expectation: Expectation) -> dict[str, tuple[str, str]]:
    """Version and state of what is deployed."""
    result = core.cli("component", "list", "--json")
    assert result.returncode == 0, core.describe(result)
    listed = json.loads(result.stdout)["components"]
    return {
        one["componentName"]: (one["version"], one["state"])
        for one in listed
        if one["componentName"] in expectation.kinds
    }


def _differences(
    deployed: Mapping[str, tuple[str, str]], found: list[Container], expectation: Expectation
) -> list[str]:
    faults = [
        f"{name} {version} is {state}"
        for name, (version, state) in deployed.items()
        if state != _READY
    ]
    wanted = sorted(part for x in deployed for part in expectation.kinds[x].parts_of(x))
    there = sorted(one.part for one in found if one.id not in expectation.others)
    if wanted != there:
        faults.append(f"there should be {wanted}, there are {there}")
    for one in found:
        if not one.is_running:
            faults.append(f"{one} stands still")
        version, _ = deployed.get(one.component, ("", ""))
        if one.component and one.version != version:
            faults.append(f"{one} is of another version than {version or 'none'}")
        if one.component and one.id in expectation.others:
            faults.append(f"{one} was nobody's")
    return faults


def _read(shown: Mapping[str, Any]) -> Container:
    tags = shown["Config"]["Labels"] or {}
    owner = labels.read_owner(tags)
    environment = dict(entry.split("=", 1) for entry in shown["Config"]["Env"])
    return Container(
        id=shown["Id"],
        part=tags.get("com.docker.compose.service") or shown["Name"].lstrip("/"),
        is_running=shown["State"]["Running"],
        started_at=shown["State"]["StartedAt"],
        component=owner.component if owner else "",
        version=owner.version if owner else "",
        token=environment.get("SVCUID", ""),
    )
