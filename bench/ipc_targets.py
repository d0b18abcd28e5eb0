"""What the load client is pointed at: a real core with deployed components, or one server process.

Each server has a core of the machine to itself and the load client the other one, as far as the
machine has two.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bench.ipc_load import Target
from bench.ipc_server import PARTS, policy_of

if TYPE_CHECKING:
    from lab.core import Core, CoreMaker

DEADLINE_S = 60.0
SERVER_CORE, CLIENT_CORE = 0, 1


def pin(pid: int, core: int) -> None:
    """Onto one core, where the machine has it; 0 is this process."""
    with suppress(OSError):
        os.sched_setaffinity(pid, {core})


@contextmanager
def server_process(folder: Path, variant: str) -> Iterator[Target]:
    """`bench.ipc_server` in one of its variants."""
    path = folder / f"{variant}.socket"
    path.unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.ipc_server", str(path), variant],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        tokens = json.loads(process.stdout.readline())
        pin(process.pid, SERVER_CORE)
        yield Target(path, tokens, process.pid)
    finally:
        process.kill()
        process.wait()


def core_with_parts(make_core: CoreMaker, folder: Path) -> tuple[Core, Target]:
    """A core with eleven components that may publish and subscribe, and their tokens."""
    recipes = folder / "parts"
    recipes.mkdir()
    names = [f"com.example.Part{number}" for number in range(PARTS)]
    for name in names:
        _write_recipe(recipes, name)
    core = make_core()
    core.deploy(recipes)
    tokens = [_token(core, name) for name in names]
    pin(core.pid, SERVER_CORE)
    return core, Target(core.root / "ipc.socket", tokens, core.pid)


def _write_recipe(folder: Path, name: str) -> None:
    recipe = {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": "1.0.0",
        "ComponentConfiguration": {
            "DefaultConfiguration": {
                "accessControl": policy_of(name),
                "bench": {"text": "x" * 200, "number": 1},
            }
        },
        "Manifests": [
            {
                "Lifecycle": {
                    "Run": 'printf %s "$SVCUID" > token.new; mv token.new token; sleep 1e6'
                }
            }
        ],
    }
    (folder / f"{name}.json").write_text(json.dumps(recipe))


def _token(core: Core, name: str) -> str:
    path = core.root / "work" / name / "token"
    end = time.monotonic() + DEADLINE_S
    while not path.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"{name} does not run\n{core.tail()}")
        time.sleep(0.01)
    return path.read_text()
