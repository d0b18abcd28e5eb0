"""The document's archive example from an S3 bucket, as printed, and loaded by the core itself."""

from __future__ import annotations

import json

import pytest

from lab.images import save
from lab.seeds import HELLO_TEXT

COMPONENT = "com.example.MyS3DockerComponent"
# As printed but for its case: S3 takes no capitals in the names of buckets.
PRINTED, BUCKET = "DOC-EXAMPLE-BUCKET", "doc-example-bucket"
KEY = "artifacts/com.example.MyDockerComponent/1.0.0/hello-world.tar"


@pytest.fixture
def archive(lab, tmp_path):
    path = tmp_path / "hello-world.tar"
    save(lab.seeded["library/hello-world:latest"], ["hello-world:latest"], path)
    return path.read_bytes()


@pytest.fixture
def device(make_core, aws, lab, tmp_path, archive):
    """A core whose role may read the bucket, through the network's proxy."""
    make = make_core
    aws.put(BUCKET, {KEY: archive})
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(aws.keys("device", ["s3:GetObject"])))
    return make(
        {
            "services": {
                "aws.greengrass.Nucleus": {
                    "configuration": {"networkProxy": {"proxy": {"url": "http://127.0.0.1:3128"}}}
                }
            },
            "greendock": {"credentials": {"source": "static", "staticFile": str(keys)}},
        }
    )


def write(folder, text):
    path = folder / "recipe.yaml"
    path.write_text(text.replace(PRINTED, BUCKET))
    return path


@pytest.mark.parametrize("name", ["archive-uploaded.yaml", "archive-uploaded.json"])
def test_as_printed(lab, device, filled, tmp_path, name):
    recipe = write(tmp_path, filled(name)).rename(tmp_path / name)
    result = device.deploy(recipe)
    assert "has no Digest in the recipe" in result.stdout + result.stderr
    device.wait_log(COMPONENT, HELLO_TEXT)
    assert device.wait_state(COMPONENT, ["FINISHED"]) == "FINISHED"
    fetched = [x for x in lab.requests("s3") if x["method"] == "GET"]
    assert len(fetched) == 1
    device.deploy(recipe)
    assert [x for x in lab.requests("s3") if x["method"] == "GET"] == fetched


NATIVE = """
RecipeFormatVersion: '2020-01-25'
ComponentName: com.example.Native
ComponentVersion: '1.0.0'
ComponentConfiguration:
  DefaultConfiguration:
    greendock: {docker: {loadArchives: [hello-world.tar]}}
Manifests:
  - Lifecycle:
      Run: docker run --rm hello-world
    Artifacts:
      - URI: s3://DOC-EXAMPLE-BUCKET/KEY
"""


def test_an_archive_that_the_core_loads_is_not_kept_as_a_file(lab, device, tmp_path):
    recipe = write(tmp_path, NATIVE.replace("KEY", KEY))
    device.deploy(recipe)
    device.wait_log("com.example.Native", HELLO_TEXT)
    left = [path for path in (device.root / "packages").rglob("*") if path.is_file()]
    assert [path for path in left if path.suffix in (".tar", ".part")] == []
    listed = json.loads(device.cli("image", "list", "--json").stdout)["images"]
    assert [(x["names"], x["neededBy"]) for x in listed] == [
        (["hello-world:latest"], ["com.example.Native 1.0.0"])
    ]
    device.deploy(recipe)
    assert len([x for x in lab.requests("s3") if x["method"] == "GET"]) == 1
    removed = device.cli("deployment", "create", "--wait", "--remove", "com.example.Native")
    assert removed.returncode == 0, device.describe(removed)
    assert lab.docker("image", "inspect", "hello-world").returncode != 0


def test_a_download_that_breaks_off_goes_on_where_it_was(lab, device, filled, tmp_path, archive):
    lab.control(s3={"mode": "cut", "count": 2})
    device.deploy(write(tmp_path, filled("archive-uploaded.yaml")))
    reads = [x for x in lab.requests("s3") if x["method"] == "GET"]
    assert [bool(x["range"]) for x in reads] == [False, True, True]
    assert sum(x["bytes"] for x in reads) < 1.1 * len(archive)


def test_a_role_without_the_permission_is_told_which(make_core, aws, tmp_path, filled, archive):
    aws.put("doc-example-bucket-2", {KEY: archive})
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(aws.keys("poor", ["s3:PutObject"])))
    core = make_core(
        {
            "greendock": {
                "credentials": {"source": "static", "staticFile": str(keys)},
                "s3": {"endpoint": aws.endpoint},
            }
        }
    )
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(filled("archive-uploaded.yaml").replace(PRINTED, "doc-example-bucket-2"))
    result = core.cli("deploy", recipe)
    assert result.returncode == 1
    assert "s3:GetObject" in result.stdout + result.stderr
    deployment = json.loads(core.cli("deployment", "list", "--json").stdout)["deployments"][-1]
    assert deployment["errorStack"][-1] == "S3_ACCESS_DENIED"
    assert deployment["detailedStatus"] == "FAILED_NO_STATE_CHANGE"
