"""Wherever a core is killed, the next one takes over all of a generation or ends all of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from container_stage import DEPLOYED, play, until

from greendock.docker.containers.generation import Kind

APP = "com.example.App"
HERE = Path(__file__).parent


def names(stage) -> set[str]:
    return set(stage.docker("ps", "-a", "--format={{.Names}}").split())


def killed(stage, what: str, moment: str) -> None:
    """A process with a core's keeper that dies at that moment."""
    folder = stage.lab.folder
    path = os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, HERE / "crashing_core.py", folder, stage.folder, stage.core, what],
        env={**stage.lab.env, "PYTHONPATH": path, "GREENDOCK_CRASH_AT": moment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(
    ("moment", "there"),
    [
        ("containers.opened", set()),
        ("containers.admitted", set()),
        ("containers.before_stop", {"web", "db"}),
        ("containers.stopped", {"web", "db"}),
        ("containers.removed", set()),
    ],
)
def test_a_life_that_is_cut_short(stage, moment, there):
    killed(stage, "live", moment)
    assert names(stage) == there

    async def next_core():
        async with stage.keeper(App=DEPLOYED) as keeper:
            # It was not known yet to be of a kind that can go on, or it was ending.
            assert await keeper.reclaim(APP, DEPLOYED.fingerprint) is None
            keeper.open(stage.owner("g2"), DEPLOYED.fingerprint)
            await keeper.admit("g2")
            assert names(stage) == set()
            assert keeper.state("g2").is_known

    play(next_core)


@pytest.mark.parametrize("moment", ["containers.decided", "containers.reclaimed"])
def test_a_take_over_that_is_cut_short(stage, moment):
    async def first():
        async with stage.keeper() as keeper:
            await stage.opened(keeper, "g1")
            await stage.run("g1", "--name=web")
            keeper.runs("g1", Kind.DETACHED)
            await until(lambda: keeper.state("g1").alive, "it runs")

    play(first)
    before = stage.inspect("web")
    for _ in range(2):
        killed(stage, "take-over", moment)

    async def last():
        async with stage.keeper(App=DEPLOYED) as keeper:
            assert await keeper.reclaim(APP, DEPLOYED.fingerprint) == "g1"
            after = stage.inspect("web")
            assert (after["Id"], after["State"]) == (before["Id"], before["State"])
            await keeper.close("g1")
            assert names(stage) == set()

    play(last)
