"""A small core of its own process that a test kills: it reads the log of one container, or runs a
script that does, into a component's log. Arguments: folder, socket, and a container as JSON."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from greendock.base.clock import SystemClock
from greendock.base.log_lines import LogFormat
from greendock.base.logs import ComponentLogs, LogSettings
from greendock.docker.containers.container_output import ContainerOutput
from greendock.docker.containers.labels import Owner
from greendock.docker.containers.log_choice import ScriptOutput
from greendock.docker.containers.model import GenerationState, OwnedContainer, Phase
from greendock.docker.engine.address import parse_engine_address
from greendock.docker.engine.client import Engine
from greendock.lifecycle.output import Output

COMPONENT = "com.example.Web"
LIFE = "abc123"
SCRIPT = f"services.{COMPONENT}.lifecycle.Run"


def container(**changes: Any) -> OwnedContainer:
    owner = Owner("core", COMPONENT, "1.0.0", LIFE)
    phase = Phase(changes.pop("phase", "running"))
    return OwnedContainer(**{"name": "web", "owner": owner, "phase": phase, **changes})


def open_logs(folder: Path, **settings: Any) -> ComponentLogs:
    settings.setdefault("total_bytes", 100_000_000)
    return ComponentLogs(folder / "logs", LogSettings(**settings))


def open_output(folder: Path, socket: str, logs: ComponentLogs) -> ContainerOutput:
    engine = Engine(parse_engine_address(f"unix://{socket}", source="a test"))
    return ContainerOutput(engine, logs, folder / "positions", SystemClock())


async def follow(folder: Path, socket: str, shape: dict[str, Any]) -> None:
    logs = open_logs(folder, format=LogFormat(shape.pop("format", "TEXT")))
    output = open_output(folder, socket, logs)
    print("ready", flush=True)
    state = GenerationState(containers=(container(**shape),))
    output.update(LIFE, COMPONENT, state, ScriptOutput.NONE)
    await asyncio.sleep(3600)


async def script(folder: Path, socket: str, shape: dict[str, Any]) -> None:
    logs = open_logs(folder, format=LogFormat(shape.get("format", "TEXT")))
    log = logs.get(COMPONENT)
    count = open_output(folder, socket, logs).count_script(LIFE, COMPONENT, SCRIPT)
    process = subprocess.Popen(
        shape["script"], shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )

    def on_line(stream: str, line: str) -> None:
        count.took(stream, line)
        log.write("INFO" if stream == "stdout" else "WARN", stream, line, scriptName=SCRIPT)

    for pipe, stream in ((process.stdout, "stdout"), (process.stderr, "stderr")):
        if pipe is not None:
            Output(pipe, stream, on_line)
    print("ready", flush=True)
    await asyncio.sleep(3600)


if __name__ == "__main__":
    work = {"follow": follow, "script": script}[sys.argv[1]]
    asyncio.run(work(Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])))
