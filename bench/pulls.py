"""(a) Deploying a component with 1, 4 and 16 images, against `docker pull` of the same images.

Same images, same registry, same engine, nothing of them on the engine before each run; the three
ways take turns. `until the images are there` leaves out what a deployment does after its images.
"""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.components import write_recipe
from bench.figures import heading, line, ratio, spread

if TYPE_CHECKING:
    from lab.core import Core, CoreMaker
    from lab.lab import Lab

SMALL = (8_000_000, 4_000_000)
LARGE = (50_000_000, 30_000_000)


def measure(lab: Lab, make_core: CoreMaker, folder: Path, rounds: int) -> None:
    for count, layers in ((1, SMALL), (4, SMALL), (16, SMALL), (4, LARGE)):
        _measure(lab, make_core, folder, rounds, Kind(count, layers))


@dataclass(frozen=True)
class Kind:
    """`count` images with layers of these sizes above busybox."""

    count: int
    layers: tuple[int, ...]

    @property
    def images(self) -> list[str]:
        return [f"registry.lab.test:5443/bench/image{n}:1.0" for n in range(self.count)]


def _measure(lab: Lab, make_core: CoreMaker, folder: Path, rounds: int, kind: Kind) -> None:
    size = sum(kind.layers) / 1e6
    heading(f"(a) {kind.count} images of {size:.0f} MB in {len(kind.layers) + 1} layers each")
    for number in range(kind.count):
        lab.seed("private", f"bench/image{number}", "1.0", random_layers=kind.layers)
    images = kind.images
    recipe = write_recipe(folder, "com.example.Images", run=None, images=images)
    core = make_core({"greendock": {"docker": {"maxConcurrentPulls": kind.count}}})
    parallel: list[float] = []
    sequential: list[float] = []
    deployed: list[float] = []
    whole: list[float] = []
    _deploy(lab, core, recipe, images)
    for _ in range(rounds):
        _forget(lab, images)
        parallel.append(_pull_parallel(lab, images))
        _forget(lab, images)
        until_there, all_of_it = _deploy(lab, core, recipe, images)
        deployed.append(until_there)
        whole.append(all_of_it)
        _forget(lab, images)
        sequential.append(_pull_one_by_one(lab, images))
    line("parallel docker pull", spread(parallel))
    line("docker pull one after the other", spread(sequential))
    line("greendock deploy until the images are there", spread(deployed))
    line("greendock deploy, the whole command", spread(whole))
    line("until there, against parallel", ratio(deployed, parallel), "at most 1.05 times")
    line("until there, against one by one", ratio(deployed, sequential))
    core.end()


def _forget(lab: Lab, images: list[str]) -> None:
    for image in images:
        lab.remove_image(image)


def _pull_parallel(lab: Lab, images: list[str]) -> float:
    began = time.monotonic()
    pulls = [
        subprocess.Popen(["docker", "pull", "-q", i], env=lab.env, stdout=subprocess.DEVNULL)
        for i in images
    ]
    failed = [pull.args for pull in pulls if pull.wait() != 0]
    assert not failed, failed
    return time.monotonic() - began


def _pull_one_by_one(lab: Lab, images: list[str]) -> float:
    began = time.monotonic()
    for image in images:
        result = lab.docker("pull", "-q", image)
        assert result.returncode == 0, result.stderr
    return time.monotonic() - began


def _deploy(lab: Lab, core: Core, recipe: Path, images: list[str]) -> tuple[float, float]:
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
    assert set(images) <= present, present
    return all_of_it - timings.get("applying", 0) - timings.get("cleaning up", 0), all_of_it
