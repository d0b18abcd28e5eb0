"""The document's archive example: an image loaded from an archive, run once, its output kept."""

from __future__ import annotations

import pytest

from lab.images import save
from lab.seeds import HELLO_TEXT

COMPONENT = "com.example.MyS3DockerComponent"
# The document saves the archive under this name, which is not the component's.
SAVED_UNDER = "com.example.MyDockerComponent"


@pytest.fixture
def archive(lab, tmp_path):
    """What `docker save hello-world` writes."""
    path = tmp_path / "hello-world.tar"
    save(lab.seeded["library/hello-world:latest"], ["hello-world:latest"], path)
    return path.read_bytes()


def check_outcome(lab, core):
    assert core.wait_state(COMPONENT, ["FINISHED", "ERRORED", "BROKEN"]) == "FINISHED"
    core.wait_log(COMPONENT, HELLO_TEXT)
    assert "Loaded image: hello-world:latest" in core.log(COMPONENT)
    left = lab.docker("container", "ls", "--all", "--quiet")
    assert left.stdout == "", "docker run --rm leaves no container"
    assert lab.requests("hub") == [], "the archive is all it needs"


@pytest.mark.parametrize(
    "recipe",
    ["archive-local.json", "archive-local.yaml", "archive-uploaded.json", "archive-uploaded.yaml"],
)
def test_the_output_is_in_the_log(lab, core, component_folder, archive, recipe):
    core.deploy(component_folder(recipe, COMPONENT, {"hello-world.tar": archive}))
    check_outcome(lab, core)


def test_the_official_command_line(lab, core, component_folder, archive):
    folder = component_folder("archive-local.yaml", COMPONENT, {"hello-world.tar": archive})
    created = core.cli(
        *("deployment", "create", "--merge", f"{COMPONENT}=1.0.0"),
        *("--recipeDir", folder / "recipes", "--artifactDir", folder / "artifacts"),
    )
    assert created.returncode == 0, core.describe(created)
    first, _, deployment = created.stdout.strip().partition(" Deployment Id: ")
    assert first == "Local deployment submitted!"
    check_outcome(lab, core)
    status = core.cli("deployment", "status", "--deploymentId", deployment)
    assert status.stdout.splitlines()[0] == f"{deployment}: SUCCEEDED"


def test_an_archive_in_the_documents_folder_gets_a_helpful_message(
    core, component_folder, archive
):
    folder = component_folder("archive-local.yaml", SAVED_UNDER, {"hello-world.tar": archive})
    result = core.cli("deploy", folder)
    assert result.returncode != 0
    message = result.stdout + result.stderr
    assert SAVED_UNDER in message
    assert COMPONENT in message
