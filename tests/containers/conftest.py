"""The stage of the tests of containers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from container_stage import IMAGE, Stage

if TYPE_CHECKING:
    from lab.lab import Lab


@pytest.fixture
def stage(lab: Lab, tmp_path: Path) -> Stage:
    """A stage on an engine without containers and networks, with the image at hand."""
    lab.engine.make_plain()
    for container in lab.engine.call("GET", "/containers/json?all=1").json():
        lab.engine.call("DELETE", f"/containers/{container['Id']}?force=1&v=1")
    for network in lab.engine.call("GET", "/networks").json():
        if network["Name"] not in ("bridge", "host", "none"):
            lab.engine.call("DELETE", f"/networks/{network['Id']}")
    found = Stage(lab, tmp_path)
    found.docker("pull", "-q", IMAGE)
    return found
