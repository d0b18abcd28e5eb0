"""The document's private-image recipe: an image of a private ECR repository, run as printed.

Credentials are the device's, the password comes from Amazon ECR's API; it is found nowhere.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from lab import processes

COMPONENT = "com.example.MyPrivateDockerComponent"
MANAGER = "aws.greengrass.DockerApplicationManager"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/repository:1.0"


@pytest.fixture
def credentials(tmp_path):
    """The device's AWS credentials, in a file for tests."""
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps({"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "secret-key"}))
    return {"credentials": {"source": "static", "staticFile": str(path)}}


@pytest.fixture
def device(make_core, credentials):
    return make_core({"greendock": credentials})


@pytest.mark.parametrize("recipe", ["private-ecr.json", "private-ecr.yaml"])
def test_as_printed(lab, device, component_folder, recipe):
    device.deploy(component_folder(recipe, COMPONENT, {}))
    device.wait_log(COMPONENT, "repository:1.0 started")
    assert device.state(COMPONENT) == "RUNNING"
    assert len(lab.requests("ecr-api")) == 1
    # As printed it has no --rm: its container goes with the component all the same, and the image
    # with both.
    removed = device.cli("deployment", "create", "--wait", "--remove", COMPONENT)
    assert removed.returncode == 0, device.describe(removed)
    assert lab.docker("ps", "--all", "--quiet").stdout == ""
    assert lab.docker("image", "inspect", IMAGE).returncode != 0


def forms(secret: str) -> list[bytes]:
    """The secret as it is, and as a part of any base64 text."""
    found = [secret.encode()]
    for shift in range(3):
        text = base64.b64encode(b"x" * shift + secret.encode()).decode()
        found.append(text[4 if shift else 0 : -4].encode())
    return found


def test_the_password_is_found_nowhere(lab, device, component_folder):
    device.deploy(component_folder("private-ecr.yaml", COMPONENT, {}))
    device.wait_log(COMPONENT, "repository:1.0 started")
    passwords = lab.ecr_passwords()
    assert passwords
    needles = [form for password in passwords for form in forms(password)]
    places = [
        device.root,
        lab.folder / "docker-config",
        lab.folder / "home",
        Path("/root/.docker"),
    ]
    places += [lab.folder / name for name in ("dockerd.log", "daemon.json", "data")]
    for place in places:
        for path in [place] if place.is_file() else place.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_size < 20_000_000:
                content = path.read_bytes()
                assert not any(needle in content for needle in needles), path
    for needle in needles:
        # The lab's own servers know it; no command line and no environment does.
        assert processes.mentioning(needle.decode()) == set()
    shown = (
        device.output.read_bytes() + device.log("aws.greengrass.DockerApplicationManager").encode()
    )
    assert not any(needle in shown for needle in needles)
    assert b"secret-key" not in shown


def two_accounts() -> dict[str, object]:
    hosts = (
        "123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "210987654321.dkr.ecr.us-east-1.amazonaws.com",
    )
    return {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": "com.example.TwoAccounts",
        "ComponentVersion": "1.0.0",
        "ComponentDependencies": {
            "aws.greengrass.DockerApplicationManager": {"VersionRequirement": "~2.0.0"},
            "aws.greengrass.TokenExchangeService": {"VersionRequirement": "~2.0.0"},
        },
        "Manifests": [
            {
                "Lifecycle": {},
                "Artifacts": [
                    {"URI": f"docker:{host}/{name}"}
                    for host in hosts
                    for name in ("repository:1.0", "repository/image:latest")
                ],
            }
        ],
    }


def test_several_accounts_of_one_recipe_get_one_password_each(lab, device, tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(two_accounts()))
    device.deploy(path)
    assert len(lab.requests("ecr-api")) == 2
    # Both deployments of a life share the passwords.
    device.deploy(path)
    assert len(lab.requests("ecr-api")) == 2


def test_a_password_that_expires_between_two_images_is_renewed(lab, device, tmp_path):
    lab.control(ecr_token_lifetime_s=1.5, ecr={"rate_bytes_per_s": 350_000})
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(two_accounts()))
    device.deploy(path)
    assert len(lab.requests("ecr-api")) > 2


def test_a_role_without_the_permission_is_told_which(lab, device, component_folder):
    lab.control(ecr_error="AccessDeniedException")
    result = device.cli("deploy", component_folder("private-ecr.yaml", COMPONENT, {}))
    assert result.returncode == 1
    text = result.stdout + result.stderr
    assert "ecr:GetAuthorizationToken" in text
    status = device.cli("deployment", "list", "--json")
    stack = json.loads(status.stdout)["deployments"][-1]["errorStack"]
    assert stack[-1] == "GET_ECR_CREDENTIAL_ERROR"


@pytest.mark.parametrize(
    ("step", "permission"),
    [("manifest", "ecr:BatchGetImage"), ("config", "ecr:GetDownloadUrlForLayer")],
)
def test_each_step_names_its_permission(lab, device, component_folder, step, permission):
    lab.control(ecr={"step": step, "mode": "forbidden", "count": 99})
    result = device.cli("deploy", component_folder("private-ecr.yaml", COMPONENT, {}))
    assert result.returncode == 1
    assert permission in result.stdout + result.stderr


def test_a_look_alike_never_gets_a_password(lab, device, tmp_path):
    path = tmp_path / "recipe.json"
    text = json.dumps(two_accounts()).replace("amazonaws.com", "amazonaws.com.evil.tld")
    path.write_text(text)
    result = device.cli("deploy", path, "--timeout", "3")
    assert result.returncode != 0
    assert lab.requests("ecr-api") == []


def test_a_device_without_credentials_is_told_so(make_core, component_folder):
    core = make_core({"greendock": {"credentials": {"source": "none"}}})
    result = core.cli("deploy", component_folder("private-ecr.yaml", COMPONENT, {}))
    assert result.returncode == 1
    assert "greendock.credentials.source is none" in result.stdout + result.stderr
