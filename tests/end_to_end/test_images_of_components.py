"""Images follow their components: fetched before a change, restored by a rollback, freed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.core import Core
    from lab.lab import Lab

REGISTRY = "registry.lab.test:5443"
MOVING = f"{REGISTRY}/moving/app"
APP = "com.example.App"
MANAGER = "aws.greengrass.DockerApplicationManager"
FOREVER = "while :; do sleep 1; done"


def recipe(
    folder: Path,
    *images: str,
    name: str = APP,
    version: str = "1.0.0",
    lifecycle: Mapping[str, Any] | None = None,
) -> Path:
    path = folder / f"{name}-{version}.json"
    document = {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": version,
        "ComponentDependencies": {MANAGER: {"VersionRequirement": "~2.0.0"}},
        "Manifests": [
            {
                "Lifecycle": lifecycle or {},
                "Artifacts": [{"URI": f"docker:{image}"} for image in images],
            }
        ],
    }
    path.write_text(json.dumps(document))
    return path


def image_id(lab: Lab, name: str) -> str | None:
    found = lab.docker("image", "inspect", "--format", "{{.Id}}", name)
    return found.stdout.strip() if found.returncode == 0 else None


def last_deployment(core: Core) -> dict[str, Any]:
    listed = core.cli("deployment", "list", "--json", "--verbose")
    found: dict[str, Any] = json.loads(listed.stdout)["deployments"][-1]
    return found


def test_a_rollback_brings_the_bytes_of_a_moved_tag_back(
    lab: Lab, core: Core, tmp_path: Path
) -> None:
    old = lab.seed("private", "moving/app", cmd=("/bin/sh", "-c", f"echo old; {FOREVER}"))
    run = {"Run": f"docker run --rm {MOVING}"}
    core.deploy(recipe(tmp_path, MOVING, lifecycle=run))
    core.wait_log(APP, "stdout. old")
    assert image_id(lab, MOVING) == old.id
    new = lab.seed("private", "moving/app", cmd=("/bin/echo", "new"))
    broken = {"Startup": f"docker run --rm {MOVING}; exit 1"}
    result = core.cli("deploy", recipe(tmp_path, MOVING, version="2.0.0", lifecycle=broken))
    assert result.returncode == 1, core.describe(result)
    assert last_deployment(core)["detailedStatus"] == "FAILED_ROLLBACK_COMPLETE"
    assert "stdout. new" in core.log(APP)
    assert image_id(lab, MOVING) == old.id
    assert core.wait_state(APP, ["RUNNING"]) == "RUNNING"
    # What the failed deployment fetched is there for the next try, and only that long.
    assert image_id(lab, new.id) == new.id
    core.deploy(recipe(tmp_path, MOVING, version="3.0.0", lifecycle=run))
    assert image_id(lab, MOVING) == new.id
    assert image_id(lab, old.id) is None or "used by container" in core.cli("image", "list").stdout


def test_a_core_killed_in_mid_change_starts_with_the_old_bytes(
    lab: Lab, core: Core, tmp_path: Path
) -> None:
    old = lab.seed("private", "moving/app", cmd=("/bin/echo", "old"))
    core.deploy(recipe(tmp_path, MOVING))
    new = lab.seed("private", "moving/app", cmd=("/bin/echo", "new"))
    hangs = {"Startup": {"Script": "sleep 1000", "Timeout": 2000}}
    core.cli("deploy", "--no-wait", recipe(tmp_path, MOVING, version="2.0.0", lifecycle=hangs))
    wait_until(lambda: image_id(lab, MOVING) == new.id, "the tag moves when it is applied")
    core.kill()
    core.start()
    wait_until(lambda: image_id(lab, MOVING) == old.id, "the tag means the old image again")
    assert core.wait_state(APP, ["FINISHED"]) == "FINISHED"


def test_until_it_is_applied_a_tag_in_use_keeps_its_meaning(
    lab: Lab, core: Core, tmp_path: Path
) -> None:
    old = lab.seed("private", "moving/app", cmd=("/bin/echo", "old"))
    core.deploy(recipe(tmp_path, MOVING))
    lab.seed("private", "moving/app", cmd=("/bin/echo", "new"))
    missing = f"{REGISTRY}/no/such:1"
    result = core.cli("deploy", recipe(tmp_path, MOVING, missing, version="2.0.0"))
    assert result.returncode == 1
    assert last_deployment(core)["detailedStatus"] == "FAILED_NO_STATE_CHANGE"
    assert image_id(lab, MOVING) == old.id


def test_an_upgrade_and_a_removal_free_what_only_they_used(
    lab: Lab, core: Core, tmp_path: Path
) -> None:
    first, second, shared = (f"{REGISTRY}/own/{name}:1" for name in ("first", "second", "shared"))
    for name in ("first", "second", "shared"):
        lab.seed("private", f"own/{name}", "1", files={f"etc/{name}": (b"1", 0o644)})
    other = recipe(tmp_path, shared, name="com.example.Other")
    core.deploy(recipe(tmp_path, first, shared), other)
    core.deploy(recipe(tmp_path, second, shared, version="2.0.0"))
    assert image_id(lab, first) is None
    assert image_id(lab, second)
    removed = core.cli("deployment", "create", "--wait", "--remove", APP)
    assert removed.returncode == 0, core.describe(removed)
    assert image_id(lab, second) is None
    assert image_id(lab, shared)
    story = core.log(MANAGER)
    assert f"{first} (sha256:" in story
    assert "was removed: nothing needs it" in story


def test_what_was_there_before_stays(lab: Lab, core: Core, tmp_path: Path) -> None:
    assert lab.docker("pull", "-q", "mysql:8.0").returncode == 0
    core.deploy(recipe(tmp_path, "mysql:8.0"))
    core.cli("deployment", "create", "--wait", "--remove", APP)
    assert image_id(lab, "mysql:8.0")
    listed = json.loads(core.cli("image", "list", "--json").stdout)["images"]
    assert [image["why"] for image in listed] == ["not brought by Greendock"]


def test_a_core_without_a_network_starts_from_what_it_has(
    lab: Lab, core: Core, tmp_path: Path
) -> None:
    latest = {"Run": f"docker run --rm {MOVING}"}
    lab.seed("private", "moving/app", cmd=("/bin/sh", "-c", f"echo here; {FOREVER}"))
    core.deploy(recipe(tmp_path, MOVING, lifecycle=latest))
    core.wait_log(APP, "stdout. here")
    core.stop()
    lab.reset_faults()
    lab.control(proxy_credentials="nobody:gets-through")
    core.start()
    wait_until(lambda: core.log(APP).count("stdout. here") == 2, "it runs again")
    assert lab.requests() == []
    # A deployment that asks for nothing new goes through offline too, and asks nobody.
    core.deploy("--offline", recipe(tmp_path, MOVING, version="2.0.0", lifecycle=latest))
    assert lab.requests() == []


def test_what_cannot_fit_is_refused_before_the_first_byte(
    lab: Lab, make_core: Callable[..., Core], tmp_path: Path
) -> None:
    core = make_core({"greendock": {"docker": {"diskMarginBytes": 1 << 49}}})
    result = core.cli("deploy", recipe(tmp_path, "mysql:8.0"))
    assert result.returncode == 1
    text = result.stdout + result.stderr
    assert "mysql:8.0" in text
    assert f"{lab.folder}/data has " in text
    assert "docker.diskMarginBytes" in text
    assert last_deployment(core)["errorStack"][-1] == "DISK_SPACE_CRITICAL"
    layers = {f"/v2/library/mysql/blobs/{x}" for x in layer_digests(lab, "library/mysql:8.0")}
    assert [x for x in lab.requests("hub") if x["path"] in layers] == []


def layer_digests(lab: Lab, name: str) -> list[str]:
    from lab.images import digest_of

    return [digest_of(layer.compressed) for layer in lab.seeded[name].layers]


def test_a_stuck_deployment_is_described_and_gives_way(
    lab: Lab, core: Core, tmp_path: Path
) -> None:
    lab.control(hub={"step": "manifest", "mode": "unavailable", "count": 9999})
    created = core.cli("deploy", "--no-wait", "--json", recipe(tmp_path, "mysql:8.0"))
    stuck = json.loads(created.stdout)["deploymentId"]

    def status() -> str:
        return core.cli("deployment", "status", "-i", stuck).stdout

    wait_until(lambda: "Waiting: mysql:8.0, attempt " in status(), lambda: status())
    assert "503" in status()
    newer = core.cli(
        "deploy", "--supersede", recipe(tmp_path, name="com.example.Newer"), timeout_s=60
    )
    assert newer.returncode == 0, core.describe(newer)
    described = json.loads(core.cli("deployment", "status", "--json", "-i", stuck).stdout)
    assert described["status"] == "CANCELED"
    assert described["cause"].startswith("superseded by deployment")


@pytest.mark.parametrize("mode", ["unavailable", "hang"])
def test_a_deployment_that_waits_can_be_cancelled(
    lab: Lab, core: Core, tmp_path: Path, mode: str
) -> None:
    lab.control(hub={"step": "manifest", "mode": mode, "count": 9999})
    created = core.cli("deploy", "--no-wait", "--json", recipe(tmp_path, "mysql:8.0"))
    stuck = json.loads(created.stdout)["deploymentId"]
    wait_until(lambda: lab.requests("hub"), "the registry is asked")
    assert core.cli("deployment", "cancel", "-i", stuck).returncode == 0
    described = json.loads(core.cli("deployment", "status", "--json", "-i", stuck).stdout)
    assert described["status"] == "CANCELED"
    lab.control(hub={})


def test_a_private_registry_gets_the_configured_password_and_a_component_does_not(
    lab: Lab, make_core: Callable[..., Core], tmp_path: Path
) -> None:
    lab.control(private_users={"device": "s3cret-password"})
    core = make_core(
        {
            "greendock": {
                "docker": {
                    "registries": {REGISTRY: {"username": "device", "passwordEnv": "REG_PASSWORD"}}
                }
            }
        },
        env={"REG_PASSWORD": "s3cret-password"},
    )
    image = f"{REGISTRY}/team/app:1.0"
    core.deploy(recipe(tmp_path, image, lifecycle={"Run": "env; echo end of it"}))
    core.wait_log(APP, "end of it")
    assert "s3cret-password" not in core.log(APP) + core.log(MANAGER) + core.log("greengrass")
    explained = core.cli("image", "explain", f"docker:{image}")
    assert "REG_PASSWORD" in explained.stdout
    assert "s3cret-password" not in explained.stdout
    wrong = make_core(
        {
            "greendock": {
                "docker": {
                    "registries": {REGISTRY: {"username": "device", "passwordEnv": "REG_PASSWORD"}}
                }
            }
        },
        env={"REG_PASSWORD": "wrong"},
    )
    lab.remove_image(image)
    assert wrong.cli("deploy", recipe(tmp_path, image)).returncode == 1
    assert last_deployment(wrong)["errorStack"][-1] == "DOCKER_LOGIN_ERROR"
