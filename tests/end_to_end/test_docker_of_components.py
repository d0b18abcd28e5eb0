"""Components and the engine: who may not use it is told, what is part of the core stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.core import Core


def recipe(folder: Path, run: str) -> Path:
    path = folder / "recipe.json"
    path.write_text(
        json.dumps(
            {
                "RecipeFormatVersion": "2020-01-25",
                "ComponentName": "com.example.Docker",
                "ComponentVersion": "1.0.0",
                "Manifests": [{"Lifecycle": {"Run": run}}],
            }
        )
    )
    return path


def test_a_user_who_may_not_use_docker_is_told_at_deployment(
    make_core: Callable[..., Core], tmp_path: Path
) -> None:
    core = make_core(
        {
            "services": {
                "aws.greengrass.Nucleus": {
                    "configuration": {"runWithDefault": {"posixUser": "nobody:nogroup"}}
                }
            }
        }
    )
    result = core.deploy(
        recipe(tmp_path, "docker version"), "--failure-handling-policy=DO_NOTHING"
    )
    assert "runs docker commands as nobody" in result.stdout + result.stderr
    assert "usermod -aG docker nobody" in result.stdout + result.stderr


def test_who_may_use_docker_hears_nothing_and_the_core_cannot_be_stopped(
    core: Core, tmp_path: Path
) -> None:
    result = core.deploy(recipe(tmp_path, "docker version"))
    assert "usermod" not in result.stdout + result.stderr
    core.wait_state("com.example.Docker", ["FINISHED"])
    for verb in ("stop", "restart"):
        refused = core.cli("component", verb, "-n", "aws.greengrass.Nucleus")
        assert refused.returncode == 1
        assert "part of the core" in refused.stderr
