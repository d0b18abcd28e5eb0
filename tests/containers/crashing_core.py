"""A process that keeps containers as a core does, for tests that kill it somewhere.

Arguments: the lab's folder, the database's folder, the core's id, what it does.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from container_stage import DEPLOYED, Stage, until

from greendock.docker.containers.generation import Kind

APP = "com.example.App"


def _docker(socket: str) -> Any:
    def call(*args: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "DOCKER_HOST": f"unix://{socket}"}
        return subprocess.run(["docker", *args], env=env, capture_output=True, text=True)

    return call


async def live(stage: Stage) -> None:
    """One component's life from its start to its end."""
    async with stage.keeper(App=DEPLOYED) as keeper:
        await stage.opened(keeper, "g1")
        for name in ("web", "db"):
            await stage.run("g1", f"--name={name}", "--restart=always")
        keeper.runs("g1", Kind.DETACHED)
        await until(lambda: len(keeper.state("g1").alive) == 2, "both run")
        await keeper.close("g1")


async def take_over(stage: Stage) -> None:
    """The next core's start."""
    async with stage.keeper(App=DEPLOYED) as keeper:
        await keeper.reclaim(APP, DEPLOYED.fingerprint)


if __name__ == "__main__":
    lab_folder, folder, core, what = sys.argv[1:]
    socket = f"{lab_folder}/docker.sock"
    lab: Any = SimpleNamespace(docker_host=f"unix://{socket}", docker=_docker(socket))
    stage = Stage(lab, Path(folder))
    stage.core = core
    asyncio.run({"live": live, "take-over": take_over}[what](stage))
