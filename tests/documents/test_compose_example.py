"""The document's Compose example: two images from two registries, started by docker-compose."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.waiting import wait_until

COMPONENT = "com.example.MyDockerComposeComponent"
COMPOSE_FILE = Path(__file__).with_name("docker-compose.yaml")
IMAGES = {"mysql:8.0", "public.ecr.aws/cloudwatch-agent/cloudwatch-agent:latest"}


def running_images(lab) -> set[str]:
    """The images of running containers, as `docker container ls` shows them."""
    shown = lab.docker("container", "ls", "--format", "{{.Image}}")
    assert shown.returncode == 0, shown.stderr
    return set(shown.stdout.split())


@pytest.mark.parametrize("recipe", ["compose.json", "compose.yaml"])
def test_both_containers_run_until_the_component_is_stopped(lab, core, component_folder, recipe):
    files = {"docker-compose.yaml": COMPOSE_FILE.read_bytes()}
    folder = component_folder(recipe, COMPONENT, files)
    core.deploy(folder)

    assert core.state(COMPONENT) == "RUNNING"
    wait_until(lambda: running_images(lab) == IMAGES, lambda: f"both run: {core.log(COMPONENT)}")
    for registry, repository in (
        ("hub", "library/mysql/manifests/8.0"),
        ("public", "cloudwatch-agent/cloudwatch-agent/manifests/latest"),
    ):
        assert any(repository in x["path"] for x in lab.requests(registry)), registry
    core.wait_log(COMPONENT, "library/mysql:8.0 started")

    stopped = core.cli("component", "stop", "--names", COMPONENT)
    assert stopped.returncode == 0, core.describe(stopped)
    core.wait_state(COMPONENT, ["FINISHED", "STOPPED", "NEW", "INSTALLED"])
    wait_until(lambda: running_images(lab) == set(), "no container runs")


def test_the_end_of_the_core_ends_the_containers(lab, core, component_folder):
    files = {"docker-compose.yaml": COMPOSE_FILE.read_bytes()}
    core.deploy(component_folder("compose.yaml", COMPONENT, files))
    wait_until(lambda: running_images(lab) == IMAGES, lambda: f"both run: {core.log(COMPONENT)}")
    assert core.stop() == 0, core.tail()
    assert running_images(lab) == set()
