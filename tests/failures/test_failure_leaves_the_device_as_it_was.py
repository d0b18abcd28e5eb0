"""With a real engine: whatever fails before components are changed, what ran still runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lab.core import Core
    from lab.lab import Lab

APP = "com.example.Runs"
IMAGE = "registry.lab.test:5443/team/app:1.0"


def write(folder: Path, name: str, version: str, **parts: Any) -> Path:
    """A recipe file; `images`, `dependencies` and `run` are what tests vary."""
    recipe = {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": version,
        "ComponentDependencies": {
            "aws.greengrass.DockerApplicationManager": {"VersionRequirement": "~2.0.0"},
            **parts.get("dependencies", {}),
        },
        "Manifests": [
            {
                "Lifecycle": {"Run": parts.get("run", "exec sleep 100000")},
                "Artifacts": [{"URI": f"docker:{image}"} for image in parts.get("images", ())],
            }
        ],
    }
    path = folder / f"{name}-{version}.json"
    path.write_text(json.dumps(recipe))
    return path


class Device:
    """A core with one component that runs, and what of it must not change."""

    def __init__(self, core: Core, folder: Path) -> None:
        self.core = core
        self.folder = folder
        core.deploy(write(folder, APP, "1.0.0", images=[IMAGE]))
        self.before = self.now()

    def now(self) -> dict[str, Any]:
        details = self.core.cli("component", "details", "-n", APP, "--json")
        shown = json.loads(details.stdout)
        files = sorted(
            p.relative_to(self.core.root).as_posix()
            for p in (self.core.root / "packages").rglob("*")
        )
        return {
            "version": shown["version"],
            "state": shown["state"],
            "pid": shown["pid"],
            "files": files,
        }

    def deploy(self, *args: str | Path) -> dict[str, Any]:
        """The deployment as `deploy --json` shows it, with the command's exit code."""
        result = self.core.cli("deploy", *args, "--json")
        assert result.stdout, self.core.describe(result)
        answer: dict[str, Any] = json.loads(result.stdout)
        return {"exit": result.returncode, **answer}

    def assert_refused(self, answer: dict[str, Any], *codes: str) -> str:
        """It failed without a change, with these codes; the cause."""
        assert answer["exit"] == 1, answer
        assert answer["detailedStatus"] == "FAILED_NO_STATE_CHANGE", answer
        assert set(codes) <= set(answer["errorStack"]), answer
        assert self.now() == self.before
        cause: str = answer["cause"]
        return cause


@pytest.fixture
def device(core: Core, tmp_path: Path) -> Device:
    return Device(core, tmp_path)


def create(device: Device, path: Path, merge: str) -> dict[str, Any]:
    """`deployment create --wait`, which leaves the reading of recipes to the core."""
    result = device.core.cli(
        "deployment", "create", "--recipeDir", path, "--merge", merge, "--wait", "--json"
    )
    assert result.stdout, device.core.describe(result)
    return {"exit": result.returncode, **json.loads(result.stdout)}


def test_a_recipe_that_does_not_parse(device: Device, tmp_path: Path) -> None:
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "bad.yaml").write_text("RecipeFormatVersion: 2020-01-25\nComponentName: [\n")
    answer = create(device, folder, f"{APP}=2.0.0")
    cause = device.assert_refused(answer, "COMPONENT_PACKAGE_LOADING_ERROR", "RECIPE_PARSE_ERROR")
    assert "bad.yaml:" in cause


def test_a_version_that_cannot_be_resolved(device: Device) -> None:
    needs = {"com.example.Lib": {"VersionRequirement": ">=3.0.0"}}
    answer = device.deploy(
        write(device.folder, APP, "2.0.0", dependencies=needs),
        write(device.folder, "com.example.Lib", "1.0.0"),
    )
    cause = device.assert_refused(answer, "NO_AVAILABLE_COMPONENT_VERSION")
    assert f"{APP} 2.0.0 requires com.example.Lib >=3.0.0" in cause
    assert "1.0.0" in cause


@pytest.mark.parametrize(
    "image",
    ["registry.lab.test:5443/team/app:nope", "registry.lab.test:5443/no/such:1", "mysql:9.9"],
)
def test_an_image_that_does_not_exist(device: Device, image: str) -> None:
    answer = device.deploy(write(device.folder, APP, "2.0.0", images=[image]))
    cause = device.assert_refused(answer, "DOCKER_ERROR", "DOCKER_IMAGE_NOT_VALID")
    assert image.rpartition("/")[2].partition(":")[0] in cause


def test_an_engine_that_is_stopped(
    make_core: Callable[..., Core], lab: Lab, tmp_path: Path
) -> None:
    device = Device(make_core({"greendock": {"docker": {"engineWaitSeconds": 2}}}), tmp_path)
    lab.stop_engine()
    answer = device.deploy(write(device.folder, APP, "2.0.0", images=["mysql:8.0"]))
    cause = device.assert_refused(answer, "DOCKER_SERVICE_UNAVAILABLE")
    assert str(lab.socket) in cause


def test_an_engine_that_stops_in_the_middle_of_a_pull(
    make_core: Callable[..., Core], lab: Lab, tmp_path: Path
) -> None:
    device = Device(make_core({"greendock": {"docker": {"engineWaitSeconds": 2}}}), tmp_path)
    lab.control(hub={"mode": "hang", "count": 9})
    recipe = write(device.folder, APP, "2.0.0", images=["mysql:8.0"])
    submitted = device.core.cli("deploy", recipe, "--no-wait", "--json")
    deployment_id = json.loads(submitted.stdout)["deploymentId"]
    from lab.waiting import wait_until

    wait_until(
        lambda: any("/blobs/" in entry["path"] for entry in lab.requests("hub")),
        "the pull has reached a layer",
    )
    lab.stop_engine()
    answer = _wait_final(device.core, deployment_id)
    device.assert_refused({"exit": 1, **answer}, "DOCKER_ERROR")


def test_an_engine_that_comes_up_late_is_waited_for(device: Device, lab: Lab) -> None:
    lab.stop_engine()
    recipe = write(device.folder, APP, "2.0.0", images=["mysql:8.0"])
    submitted = device.core.cli("deploy", recipe, "--no-wait", "--json")
    deployment_id = json.loads(submitted.stdout)["deploymentId"]
    log = "aws.greengrass.DockerApplicationManager"
    device.core.wait_log(log, "waiting for the Docker engine")
    lab.start_engine()
    assert _wait_final(device.core, deployment_id)["status"] == "SUCCEEDED"


def _wait_final(core: Core, deployment_id: str) -> dict[str, Any]:
    from lab.waiting import wait_until

    def status() -> dict[str, Any]:
        result = core.cli("deployment", "status", "-i", deployment_id, "--json")
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    wait_until(
        lambda: status()["status"] in ("SUCCEEDED", "FAILED", "CANCELED"),
        f"deployment {deployment_id} ends",
        90,
        pause_s=0.3,
    )
    return status()
