"""Images that a compose file names are the component's, as if its recipe listed them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.core import Core
    from lab.lab import Lab

APP = "com.example.Composed"
REGISTRY = "registry.lab.test:5443"
MOVING = f"{REGISTRY}/moving/app"
ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com/repository:1.0"
HUB = "mysql:8.0"
UP = "docker-compose -f {artifacts:path}/docker-compose.yaml up"


def compose_file(*images: str) -> str:
    services = {f"s{number}": {"image": image} for number, image in enumerate(images)}
    return json.dumps({"version": "3", "services": services})


def component(
    folder: Path,
    files: Mapping[str, str],
    lifecycle: Mapping[str, Any],
    version: str = "1.0.0",
    name: str = APP,
) -> Path:
    """A folder with one recipe and its artifacts."""
    place = folder / f"{name}-{version}"
    artifacts = place / "artifacts" / name / version
    artifacts.mkdir(parents=True)
    for file, text in files.items():
        (artifacts / file).write_text(text)
    (place / "recipes").mkdir()
    recipe = {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": version,
        "ComponentDependencies": {
            "aws.greengrass.DockerApplicationManager": {"VersionRequirement": "~2.0.0"}
        },
        "Manifests": [{"Lifecycle": lifecycle}],
    }
    (place / "recipes" / "recipe.json").write_text(json.dumps(recipe))
    return place


def image_id(lab: Lab, name: str) -> str | None:
    found = lab.docker("image", "inspect", "--format", "{{.Id}}", name)
    return found.stdout.strip() if found.returncode == 0 else None


def last_deployment(core: Core) -> dict[str, Any]:
    listed = core.cli("deployment", "list", "--json", "--verbose")
    found: dict[str, Any] = json.loads(listed.stdout)["deployments"][-1]
    return found


def why(core: Core) -> dict[str, str]:
    listed = json.loads(core.cli("image", "list", "--json").stdout)["images"]
    return {name: image["why"] for image in listed for name in image["names"]}


@pytest.fixture
def device(make_core: Callable[..., Core], tmp_path: Path) -> Core:
    """A core with AWS credentials."""
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps({"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "secret-key"}))
    source = {"credentials": {"source": "static", "staticFile": str(path)}}
    return make_core({"greendock": source})


def test_they_are_there_before_anything_of_it_runs_and_stay_while_it_is_deployed(
    lab: Lab, device: Core, tmp_path: Path
) -> None:
    lifecycle = {
        "Install": f"docker image inspect {HUB} {ECR} --format 'was here'",
        "Setenv": {"TAG": "1.0"},
        "Run": UP,
    }
    files = {"docker-compose.yaml": compose_file("mysql:${OTHER:-8.0}", ECR[:-3] + "${TAG}")}
    device.deploy(component(tmp_path, files, lifecycle))
    device.wait_log(APP, "repository:1.0 started")
    assert device.log(APP).count("was here") == 2
    assert {why(device)[name] for name in (HUB, ECR)} == {f"needed by {APP} 1.0.0"}

    device.kill()
    lab.docker("rm", "--force", *lab.docker("ps", "--all", "--quiet").stdout.split())
    device.start()
    device.wait_state(APP, ["RUNNING"])
    stopped = device.cli("component", "stop", "--names", APP)
    assert stopped.returncode == 0, device.describe(stopped)
    device.deploy(component(tmp_path, {}, {"Run": "true"}, name="com.example.Other"))
    assert image_id(lab, HUB)
    assert image_id(lab, ECR)

    removed = device.cli("deployment", "create", "--wait", "--remove", APP)
    assert removed.returncode == 0, device.describe(removed)
    containers = lab.docker("ps", "--all", "--quiet").stdout.split()
    if containers:
        lab.docker("rm", "--force", *containers)
        device.cli("image", "prune")
    assert image_id(lab, HUB) is None
    assert image_id(lab, ECR) is None


def test_one_that_cannot_be_had_ends_the_deployment_before_it_changes_anything(
    core: Core, tmp_path: Path
) -> None:
    files = {"docker-compose.yaml": compose_file(HUB, f"{REGISTRY}/no/such:1")}
    result = core.cli("deploy", component(tmp_path, files, {"Run": UP}))
    assert result.returncode == 1
    found = last_deployment(core)
    assert found["detailedStatus"] == "FAILED_NO_STATE_CHANGE"
    assert "no/such:1" in found["cause"]
    assert core.state(APP) == ""


def test_a_new_image_behind_the_same_name_restarts_the_component(
    lab: Lab, core: Core, tmp_path: Path
) -> None:
    forever = "while :; do sleep 1; done"
    lab.seed("private", "moving/app", cmd=("/bin/sh", "-c", f"echo old; {forever}"))
    files = {"docker-compose.yaml": compose_file(MOVING)}
    core.deploy(component(tmp_path, files, {"Run": UP}))
    core.wait_log(APP, "| old")
    new = lab.seed("private", "moving/app", cmd=("/bin/sh", "-c", f"echo new; {forever}"))
    core.deploy(component(tmp_path / "again", files, {"Run": UP}))
    core.wait_log(APP, "| new")
    assert image_id(lab, MOVING) == new.id


def test_an_upgrade_frees_what_its_file_names_no_more(
    lab: Lab, core: Core, tmp_path: Path
) -> None:
    first, second = (f"{REGISTRY}/own/{name}:1" for name in ("one", "two"))
    for name in ("one", "two"):
        lab.seed("private", f"own/{name}", "1", files={f"etc/{name}": (b"1", 0o644)})
    run = {"Run": "cd {artifacts:path}; docker-compose up --no-start"}
    files = {"docker-compose.yaml": compose_file(first)}
    core.deploy(component(tmp_path, files, run))
    core.wait_state(APP, ["FINISHED"])
    assert why(core)[first] == f"needed by {APP} 1.0.0"
    lab.docker("rm", "--force", *lab.docker("ps", "--all", "--quiet").stdout.split())
    files = {"docker-compose.yaml": compose_file(second)}
    core.deploy(component(tmp_path, files, run, version="1.0.1"))
    assert image_id(lab, first) is None
    assert why(core)[second] == f"needed by {APP} 1.0.1"


def test_what_the_engine_alone_has_is_used(lab: Lab, core: Core, tmp_path: Path) -> None:
    assert lab.docker("pull", "-q", HUB).returncode == 0
    lab.docker("tag", HUB, f"{REGISTRY}/only/here")
    files = {"docker-compose.yaml": compose_file(f"{REGISTRY}/only/here")}
    result = core.deploy(component(tmp_path, files, {"Run": UP}))
    assert "the image on the device is used" in result.stdout + result.stderr
    core.wait_log(APP, "library/mysql:8.0 started")


def test_a_component_that_brings_images_itself_is_left_to_it(
    lab: Lab, core: Core, tmp_path: Path
) -> None:
    assert lab.docker("pull", "-q", HUB).returncode == 0
    lifecycle = {"Install": f"docker tag {HUB} made/here:1", "Run": UP}
    files = {"docker-compose.yaml": compose_file("made/here:1")}
    core.deploy(component(tmp_path, files, lifecycle))
    core.wait_log(APP, "library/mysql:8.0 started")


def test_what_cannot_be_read_is_told_and_left_to_compose(core: Core, tmp_path: Path) -> None:
    lifecycle = {"Run": f"if false; then {UP}; fi"}
    files = {"docker-compose.yaml": "services: {a: {image: 'x:${TAG:?no tag is set}'}}"}
    result = core.deploy(component(tmp_path, files, lifecycle))
    assert "needs the variable TAG" in result.stdout + result.stderr
    core.wait_state(APP, ["FINISHED"])


def test_without_a_network_what_is_there_is_enough(lab: Lab, core: Core, tmp_path: Path) -> None:
    assert lab.docker("pull", "-q", HUB).returncode == 0
    lab.reset_faults()
    lab.control(proxy_credentials="nobody:gets-through")
    files = {"docker-compose.yaml": compose_file("mysql:8.0")}
    core.deploy("--offline", component(tmp_path, files, {"Run": UP}))
    core.wait_log(APP, "library/mysql:8.0 started")
    assert lab.requests() == []
