"""The document's IPC recipe: a container of an ordinary network talks to the core, as printed."""

from __future__ import annotations

import json

import pytest

from lab.waiting import wait_until

COMPONENT = "com.example.MyIPCDockerComponent"
LISTENER = "com.example.Listener"
IMAGES_ROOT, NOBODY_SPECIAL = "", "1000:1000"


@pytest.fixture
def device(printed_root, make_core, tmp_path):
    """A core at /greengrass/v2 with the device's AWS credentials."""
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps({"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "secret-key"}))
    credentials = {"source": "static", "staticFile": str(path)}
    return make_core({"greendock": {"credentials": credentials}}, place=printed_root)


@pytest.fixture
def deploy(lab, device, filled, tmp_path):
    """Deploys the document's recipe with an image that does what it is told; `name` gives it
    another name than the printed one."""

    def start(recipe, *arguments, user="", name=COMPONENT):
        tag = "-".join([*arguments, user]).replace(":", "-").replace("/", "-").strip("-")
        lab.seed_sdk("ecr", "repository", tag, *arguments, user=user)
        text = filled(recipe).replace("repository:1.0", f"repository:{tag}")
        path = tmp_path / f"{name}.{recipe}"
        path.write_text(text.replace(COMPONENT, name))
        device.deploy(path)

    return start


@pytest.mark.parametrize(
    ("recipe", "user"), [("ipc.json", NOBODY_SPECIAL), ("ipc.yaml", IMAGES_ROOT)]
)
def test_the_sdks_in_the_container_are_the_component(device, deploy, recipe, user):
    deploy(recipe, "introduce", user=user)
    device.wait_log(COMPONENT, f"connected: Principal {COMPONENT} is not authorized to perform")
    device.wait_log(COMPONENT, "credentials: AKIDEXAMPLE")
    device.wait_state(COMPONENT, ["FINISHED"])


@pytest.mark.parametrize(
    ("recipe", "user", "other"),
    [("ipc.json", IMAGES_ROOT, NOBODY_SPECIAL), ("ipc.yaml", NOBODY_SPECIAL, IMAGES_ROOT)],
)
def test_one_container_publishes_and_another_receives(lab, device, deploy, recipe, user, other):
    deploy(recipe, "subscribe", "example/topic", user=other, name=LISTENER)
    device.wait_log(LISTENER, "subscribed: example/topic")
    deploy(recipe, "publish", "example/topic", "hello", user=user)
    device.wait_log(LISTENER, "received: hello")
    stopped = device.cli("component", "stop", "--names", f"{COMPONENT},{LISTENER}")
    assert stopped.returncode == 0, device.describe(stopped)
    wait_until(lambda: not lab.docker("ps", "--quiet").stdout.split(), "no container runs")
