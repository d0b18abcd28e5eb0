"""(f) Bytes that a registry sends for one large image when the link is cut ten times.

The same image, the same engine, for `docker pull`, typed again until it succeeds, and for
`greendock deploy`. Counted at the registry. What an engine throws away when a layer breaks off for
good is its own; what counts here is how often that happens.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.components import write_recipe
from bench.figures import heading, line

if TYPE_CHECKING:
    from lab.core import CoreMaker
    from lab.lab import Lab

IMAGE = "registry.lab.test:5443/bench/cut:1.0"
LAYERS = (40_000_000, 20_000_000, 10_000_000)
CUTS = 10


def measure(lab: Lab, make_core: CoreMaker, folder: Path) -> None:
    image = lab.seed("private", "bench/cut", "1.0", random_layers=LAYERS)
    size = sum(len(layer.compressed) for layer in image.layers)
    heading(f"(f) one image of {size / 1e6:.0f} MB, the link is cut {CUTS} times in its layers")
    recipe = write_recipe(folder, "com.example.Cut", run=None, images=[IMAGE])
    core = make_core()
    for what, pull in (
        ("docker pull, repeated", lambda: _docker_pull(lab)),
        ("greendock deploy", lambda: core.deploy(recipe)),
    ):
        lab.remove_image(IMAGE)
        lab.reset_faults()
        lab.control(private={"mode": "cut", "count": CUTS})
        pull()
        sent = sum(entry.get("bytes", 0) for entry in lab.requests("private"))
        line(f"{what}: sent by the registry", f"{sent / size:.2f} times the image")
    core.end()


def _docker_pull(lab: Lab) -> None:
    for _ in range(2 * CUTS):
        if lab.docker("pull", "-q", IMAGE).returncode == 0:
            return
    raise AssertionError("docker pull does not succeed")
