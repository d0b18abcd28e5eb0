"""What runs on one device is packed there and runs on another one that reaches no registry."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.waiting import wait_until

if TYPE_CHECKING:
    from lab.core import Core, CoreMaker
    from lab.lab import Lab

HOST = "registry.lab.test:5443"
BASE = "com.example.Base"
APP = "com.example.App"
CONTAINER = "docker run --rm --network none"
NO_PROXY = "http://127.0.0.1:9"


def write_component(
    folder: Path,
    name: str,
    script: str,
    artifacts: list[Mapping[str, Any]],
    *,
    needs: str | None = None,
    files: Mapping[str, str] | None = None,
) -> None:
    recipe = {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": "1.0.0",
        "ComponentDependencies": {needs: {"VersionRequirement": "^1.0.0"}} if needs else {},
        "Manifests": [{"Lifecycle": {"Run": script}, "Artifacts": artifacts}],
    }
    (folder / "recipes").mkdir(parents=True, exist_ok=True)
    (folder / "recipes" / f"{name}.json").write_text(json.dumps(recipe))
    for path, text in (files or {}).items():
        file = folder / "artifacts" / name / "1.0.0" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.fixture
def source(lab: Lab, make_core: CoreMaker, tmp_path: Path) -> Core:
    """A core with two components; their images share a layer of a megabyte."""
    core = make_core()
    for name in ("base", "app"):
        lab.seed("private", f"bundle/{name}", "1.0", files={"big": (b"\x07" * 1_000_000, 0o644)})
    write_component(
        tmp_path,
        BASE,
        f"{CONTAINER} {HOST}/bundle/base:1.0 echo base runs",
        [{"URI": f"docker:{HOST}/bundle/base:1.0"}],
    )
    write_component(
        tmp_path,
        APP,
        f"cat {{artifacts:path}}/data.txt {{artifacts:path}}/sub/more.txt && "
        f"{CONTAINER} {HOST}/bundle/app:1.0 echo app runs",
        [
            {"URI": f"docker:{HOST}/bundle/app:1.0"},
            {"URI": "s3://bucket/data.txt", "Permission": {"Read": "OWNER"}},
        ],
        needs=BASE,
        files={"data.txt": "data of the app\n", "sub/more.txt": "more of it\n"},
    )
    core.deploy(tmp_path)
    core.wait_log(APP, "app runs")
    return core


def ids(lab: Lab) -> dict[str, str]:
    names = [f"{HOST}/bundle/{name}:1.0" for name in ("base", "app")]
    argv = ["image", "inspect", "--format", "{{.Id}}", *names]
    return dict(zip(names, lab.docker(*argv).stdout.split(), strict=True))


def pack(core: Core, file: Path, *options: str) -> dict[str, Any]:
    result = core.cli("bundle", "create", *options, "-o", file, "--json")
    assert result.returncode == 0, core.describe(result)
    shown: dict[str, Any] = json.loads(result.stdout)
    return shown


def cut_off(lab: Lab) -> int:
    """An engine without images and without a way out; how many requests there were by now."""
    lab.engine.empty()
    lab.stop_engine()
    lab.start_engine(HTTP_PROXY=NO_PROXY, HTTPS_PROXY=NO_PROXY)
    assert lab.docker("pull", f"{HOST}/bundle/app:1.0").returncode != 0
    return len(lab.requests())


def test_a_device_without_registries_gets_all(lab, source, make_core, tmp_path):
    file = tmp_path / "all.bundle"
    shown = pack(source, file)
    known = ids(lab)
    assert shown["roots"] == {APP: "1.0.0", BASE: "1.0.0"}
    assert [x["componentName"] for x in shown["components"]] == [APP, BASE]
    assert {x["reference"]: x["imageId"] for x in shown["images"]} == known
    # The shared layer is there once: each of them is larger than a megabyte.
    assert 1_000_000 < shown["size"] < min(x["size"] for x in shown["images"]) * 2
    assert source.stop() == 0
    before = cut_off(lab)

    device = make_core(env={"HTTP_PROXY": NO_PROXY, "HTTPS_PROXY": NO_PROXY})
    result = device.cli("bundle", "import", file)
    assert result.returncode == 0, device.describe(result)
    assert "bundle/app:1.0: loaded" in result.stdout
    assert "SUCCEEDED" in result.stdout
    for name, text in ((BASE, "base runs"), (APP, "app runs"), (APP, "data of the app")):
        device.wait_log(name, text)
    assert "more of it" in device.log(APP)
    assert ids(lab) == known
    assert len(lab.requests()) == before
    assert list((device.root / "deployments").iterdir()) == []
    artifact = f"packages/artifacts/{APP}/1.0.0/data.txt"
    assert (device.root / artifact).stat().st_mtime_ns == (
        source.root / artifact
    ).stat().st_mtime_ns

    again = device.cli("bundle", "import", file)
    assert again.returncode == 0, device.describe(again)
    assert "bundle/app:1.0: was here already" in again.stdout

    # What was imported can be packed again, with the same content.
    other = pack(device, tmp_path / "again.bundle")
    for key in ("roots", "components", "images"):
        drop = {"digest": None}
        assert [x | drop if key == "images" else x for x in other[key]] == [
            x | drop if key == "images" else x for x in shown[key]
        ]


def test_named_components_come_with_what_they_need(lab, source, tmp_path):
    shown = pack(source, tmp_path / "base.bundle", "-n", BASE)
    assert shown["roots"] == {BASE: "1.0.0"}
    assert [x["componentName"] for x in shown["components"]] == [BASE]
    assert [x["reference"] for x in shown["images"]] == [f"{HOST}/bundle/base:1.0"]
    shown = pack(source, tmp_path / "app.bundle", "-n", APP)
    assert [x["componentName"] for x in shown["components"]] == [APP, BASE]

    inspected = source.cli("bundle", "inspect", tmp_path / "app.bundle", "--json")
    assert json.loads(inspected.stdout) == {
        **shown,
        "file": str(tmp_path / "app.bundle"),
        "verified": True,
    }
    text = source.cli("bundle", "inspect", tmp_path / "app.bundle").stdout
    assert f"component {APP} 1.0.0, 2 files of 27 B" in text
    assert "all checksums are right" in text

    refused = source.cli("bundle", "create", "-n", "com.example.No", "-o", tmp_path / "no")
    assert refused.returncode == 1
    assert "com.example.No" in refused.stderr
    refused = source.cli("bundle", "create", "-o", tmp_path / "app.bundle")
    assert refused.returncode == 1
    assert "it exists" in refused.stderr
    assert sorted(x.name for x in tmp_path.glob("*.bundle*")) == ["app.bundle", "base.bundle"]


def test_a_damaged_bundle_changes_nothing(lab, source, make_core, tmp_path):
    file = tmp_path / "all.bundle"
    pack(source, file)
    data = file.read_bytes()
    assert source.stop() == 0
    lab.engine.empty()
    device = make_core()
    end = len(data) // 2
    for broken in (data[:-1], data[:end], data[:end] + bytes([data[end] ^ 1]) + data[end + 1 :]):
        file.write_bytes(broken)
        result = device.cli("bundle", "import", file)
        assert result.returncode == 1, device.describe(result)
        assert f"cannot use {file}" in result.stderr
        assert lab.docker("image", "ls", "-q").stdout == ""
        assert device.cli("deployment", "list").stdout == ""
        assert list((device.root / "deployments").iterdir()) == []


def test_images_alone_are_loaded_without_a_deployment(lab, source, tmp_path):
    file = tmp_path / "all.bundle"
    pack(source, file)
    known = ids(lab)
    lab.engine.empty()
    result = source.cli("bundle", "import", file, "--no-deploy", "--json")
    assert result.returncode == 0, source.describe(result)
    assert sorted(json.loads(result.stdout)["loaded"]) == sorted(known)
    assert ids(lab) == known
    deployments = json.loads(source.cli("deployment", "list", "--json").stdout)["deployments"]
    assert len(deployments) == 1


def test_without_waiting_the_folder_stays(lab, source, make_core, tmp_path):
    file = tmp_path / "all.bundle"
    pack(source, file)
    device = make_core()
    result = device.cli("bundle", "import", file, "--no-wait", "--json")
    assert result.returncode == 0, device.describe(result)
    answer = json.loads(result.stdout)
    assert (Path(answer["folder"]) / "artifacts" / APP / "1.0.0" / "data.txt").exists()
    device.wait_log(APP, "app runs")
    shutil.rmtree(answer["folder"])


def test_an_image_known_by_digest_only_is_packed_by_its_id(lab, make_core, tmp_path):
    core = make_core()
    image = lab.seed("private", "bundle/pinned", "1.0")
    reference = f"{HOST}/bundle/pinned@{image.digest}"
    write_component(
        tmp_path, APP, f"{CONTAINER} {reference} echo app runs", [{"URI": f"docker:{reference}"}]
    )
    core.deploy(tmp_path)
    core.wait_log(APP, "app runs")
    file = tmp_path / "pinned.bundle"
    created = core.cli("bundle", "create", "-o", file, "--json")
    assert created.returncode == 0, core.describe(created)
    assert f"{reference} is named by its digest" in created.stderr
    [packed] = json.loads(created.stdout)["images"]
    assert (packed["imageId"], packed["digest"]) == (image.id, image.digest)
    assert packed["nameAndTag"] is None

    lab.engine.empty()
    result = core.cli("bundle", "import", file, "--no-deploy")
    assert result.returncode == 0, core.describe(result)
    assert f"{reference} is named by its digest" in result.stderr
    assert lab.docker("image", "inspect", image.id).returncode == 0


def test_an_image_that_is_gone_is_named(lab, source, tmp_path):
    lab.engine.empty()
    result = source.cli("bundle", "create", "-o", tmp_path / "x.bundle")
    assert result.returncode == 1
    assert f"cannot pack image {HOST}/bundle/app:1.0 of {APP} 1.0.0" in result.stderr
    assert list(tmp_path.glob("x.bundle*")) == []


def test_an_empty_device_has_nothing_to_pack(core, tmp_path):
    result = core.cli("bundle", "create", "-o", tmp_path / "x.bundle")
    assert result.returncode == 1
    assert "nothing is deployed" in result.stderr


def test_an_engine_that_is_down_leaves_nothing(lab, source, tmp_path):
    lab.stop_engine()
    result = source.cli("bundle", "create", "-o", tmp_path / "x.bundle")
    assert result.returncode == 1
    assert "cannot reach the Docker engine" in result.stderr
    assert list(tmp_path.glob("x.bundle*")) == []


def test_the_configured_engine_is_used(lab, source, make_core, tmp_path):
    """Also by a core that has not needed it yet; the environment may name another one."""
    file = tmp_path / "all.bundle"
    pack(source, file)
    lab.engine.empty()
    device = make_core({"greendock": {"docker": {"host": lab.docker_host}}})
    elsewhere = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    result = device.cli("bundle", "import", file, "--no-deploy", env=elsewhere)
    assert result.returncode == 0, device.describe(result)
    assert len(ids(lab)) == 2


def test_ctrl_c_leaves_no_half_file(lab, make_core, tmp_path):
    core = make_core()
    lab.seed("private", "bundle/large", "1.0", random_layers=[60_000_000])
    image = f"{HOST}/bundle/large:1.0"
    write_component(tmp_path, APP, "true", [{"URI": f"docker:{image}"}])
    core.deploy(tmp_path)
    program = Path(sys.executable).parent / "greendock"
    argv = lab.inside(str(program), "bundle", "create", "-o", str(tmp_path / "x"))
    process = subprocess.Popen(
        argv, env={**lab.env, "GGC_ROOT_PATH": str(core.root)}, stdout=subprocess.DEVNULL
    )
    wait_until((tmp_path / "x.part").exists, "the bundle is begun", pause_s=0.001)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert list(tmp_path.glob("x*")) == []
