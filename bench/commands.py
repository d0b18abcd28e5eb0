"""(b) a deployment that changes nothing, (e) the command line: wall time of whole commands."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.components import write_recipe
from bench.figures import heading, line, milliseconds

if TYPE_CHECKING:
    from lab.core import Core, CoreMaker

GREENDOCK = Path(sys.executable).parent / "greendock"


def measure(make_core: CoreMaker, folder: Path, rounds: int) -> None:
    core = make_core()
    recipe = write_recipe(folder, "com.example.Sleeper", run="sleep 100000")
    core.deploy(recipe)
    env = {**core.lab.env, "GGC_ROOT_PATH": str(core.root)}
    nothing, helps, lists, bare = [], [], [], []
    for _ in range(rounds):
        nothing.append(_timed(lambda: _run(env, "deploy", str(recipe))))
        helps.append(_timed(lambda: _run(env, "--help")))
        lists.append(_timed(lambda: _run(env, "component", "list")))
        bare.append(_timed(lambda: _python(env)))
    heading("(b) a deployment that changes nothing")
    line("greendock deploy RECIPE, the whole command", milliseconds(nothing), "under 200 ms")
    heading("(e) the command line")
    line("greendock --help", milliseconds(helps), "under 100 ms")
    line("greendock component list", milliseconds(lists), "under 100 ms")
    line("for comparison: python -c pass", milliseconds(bare))
    _end(core)


def _end(core: Core) -> None:
    core.end()


def _timed(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _run(env: dict[str, str], *args: str) -> None:
    result = subprocess.run([GREENDOCK, *args], env=env, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr or result.stdout


def _python(env: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-c", "pass"], env=env, check=True)
