"""(a) Deploying a component with four images, against `docker pull` of the same images.

Same images, same registry, same engine, nothing of them on the engine before each run; the three
ways take turns. `until the images are there` leaves out what a deployment does after its images.
"""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.components import write_recipe
from bench.figures import heading, line, ratio, spread

if TYPE_CHECKING:
    from lab.core import Core, CoreMaker
    from lab.lab import Lab

IMAGES = [f"registry.lab.test:5443/bench/image{number}:1.0" for number in range(4)]
SMALL = (8_000_000, 4_000_000)
LARGE = (50_000_000, 30_000_000)


def measure(lab: Lab, make_core: CoreMaker, folder: Path, rounds: int) -> None:
    _measure(lab, make_core, folder, rounds, SMALL)
    _measure(lab, make_core, folder, rounds, LARGE)


def _measure(
    lab: Lab, make_core: CoreMaker, folder: Path, rounds: int, layers: tuple[int, ...]
) -> None:
    heading(f"(a) four images of {sum(layers) / 1e6:.0f} MB in {len(layers) + 1} layers each")
    for number in range(len(IMAGES)):
        lab.seed("private", f"bench/image{number}", "1.0", random_layers=layers)
    recipe = write_recipe(folder, "com.example.Images", run=None, images=IMAGES)
    core = make_core({"greendock": {"docker": {"maxConcurrentPulls": 4}}})
    parallel: list[float] = []
    sequential: list[float] = []
    deployed: list[float] = []
    whole: list[float] = []
    _deploy(lab, core, recipe)
    for _ in range(rounds):
        _forget(lab)
        parallel.append(_pull_parallel(lab))
        _forget(lab)
        until_there, all_of_it = _deploy(lab, core, recipe)
        deployed.append(until_there)
        whole.append(all_of_it)
        _forget(lab)
        sequential.append(_pull_one_by_one(lab))
    line("4 parallel docker pull", spread(parallel))
    line("4 docker pull one after the other", spread(sequential))
    line("greendock deploy until the images are there", spread(deployed))
    line("greendock deploy, the whole command", spread(whole))
    line("until there, against parallel", ratio(deployed, parallel), "at most 1.05 times")
    line("until there, against one by one", ratio(deployed, sequential))
    core.end()


def _forget(lab: Lab) -> None:
    for image in IMAGES:
        lab.remove_image(image)


def _pull_parallel(lab: Lab) -> float:
    began = time.monotonic()
    pulls = [
        subprocess.Popen(["docker", "pull", "-q", i], env=lab.env, stdout=subprocess.DEVNULL)
        for i in IMAGES
    ]
    failed = [pull.args for pull in pulls if pull.wait() != 0]
    assert not failed, failed
    return time.monotonic() - began


def _pull_one_by_one(lab: Lab) -> float:
    began = time.monotonic()
    for image in IMAGES:
        result = lab.docker("pull", "-q", image)
        assert result.returncode == 0, result.stderr
    return time.monotonic() - began


def _deploy(lab: Lab, core: Core, recipe: Path) -> tuple[float, float]:
    """(until the images are there, the whole command), in seconds."""
    began = time.monotonic()
    result = core.cli("deploy", recipe, "--json")
    all_of_it = time.monotonic() - began
    assert result.returncode == 0, core.describe(result)
    timings = json.loads(result.stdout)["timings"]
    present = {
        tag
        for image in lab.engine.call("GET", "/images/json").json()
        for tag in image["RepoTags"] or ()
    }
    assert set(IMAGES) <= present, present
    return all_of_it - timings.get("applying", 0) - timings.get("cleaning up", 0), all_of_it
