"""Components and the engine: who gets no Docker socket is told, what is the core's stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from lab.waiting import wait_until

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


def test_who_names_docker_and_gets_no_socket_is_told_how_to_claim_one(
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
    assert "gets no Docker socket" in result.stdout + result.stderr
    assert "aws.greengrass.DockerApplicationManager" in result.stdout + result.stderr


def test_who_may_use_docker_hears_nothing_and_the_core_cannot_be_stopped(
    core: Core, tmp_path: Path
) -> None:
    result = core.deploy(recipe(tmp_path, "docker version"))
    assert "Docker socket" not in result.stdout + result.stderr
    core.wait_state("com.example.Docker", ["FINISHED"])
    for verb in ("stop", "restart"):
        refused = core.cli("component", verb, "-n", "aws.greengrass.Nucleus")
        assert refused.returncode == 1
        assert "part of the core" in refused.stderr


def test_ways_around_the_socket_are_told_at_deployment(core: Core, tmp_path: Path) -> None:
    around = "unset DOCKER_HOST; docker version"
    result = core.deploy(recipe(tmp_path, around), "--failure-handling-policy=DO_NOTHING")
    assert "it takes away DOCKER_HOST" in result.stdout + result.stderr
    assert "not the component's own" in result.stdout + result.stderr


def test_an_engine_address_that_makes_no_sense_is_told_to_docker_commands_only(
    make_core: Callable[..., Core], tmp_path: Path
) -> None:
    core = make_core({"greendock": {"docker": {"host": "ssh://elsewhere"}}})
    core.deploy(recipe(tmp_path, "docker version; echo it goes on; sleep 600"))
    name = "com.example.Docker"
    core.wait_state(name, ["RUNNING"])
    log = core.root / "logs" / f"{name}.log"
    wait_until(lambda: "it goes on" in log.read_text(), "the script goes on")
    assert "ssh:// is not supported" in log.read_text()
    for path in (core.root / "logs").glob("*.log"):
        assert "Traceback" not in path.read_text(), path
