"""A detached container keeps its access to the core as long as it lives, and no longer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from device import FOREVER, Component, Device

from greendock.base.paths import Paths
from lab.core import Core
from lab.handshake import is_accepted
from lab.lab import Lab
from lab.waiting import wait_until

NAME = "com.example.Detached"
IMAGE = "registry.lab.test:5443/team/sdk:wait"
CONNECTED = f"connected: Principal {NAME} "
CREDENTIALS = "credentials: AKIDEXAMPLE"
SOCKET = "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT"
VARIABLES = (
    "SVCUID",
    SOCKET,
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


@pytest.fixture
def device(lab: Lab, make_device, tmp_path: Path) -> Device:
    """A core, and an engine that has the image of the official SDKs for a user that isn't root."""
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps({"AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "secret-key"}))
    credentials = {"source": "static", "staticFile": str(path)}
    found: Device = make_device({"greendock": {"credentials": credentials}})
    lab.seed_sdk("private", "team/sdk", "wait", "wait", user="1000:1000")
    pulled = lab.docker("pull", IMAGE)
    assert pulled.returncode == 0, pulled.stderr
    return found


def folder_of(core: Core) -> Path:
    return Paths(core.root).component_ipc(NAME)


def detached(device: Device, step: str = "startup", version: str = "1.0.0") -> Component:
    """Starts `holder` unless it is there, with the core's root and its socket folder in it."""
    root = device.core.root
    variables = " ".join(f"-e {name}" for name in VARIABLES)
    script = (
        "docker inspect holder >/dev/null 2>&1 || docker run --detach --name holder "
        f"-v {root}:{root} -v {folder_of(device.core)}:/ipc {variables} {IMAGE}"
    )
    needs = {"aws.greengrass.TokenExchangeService": "HARD"}
    return Component(NAME, {step: script}, version=version, dependencies=needs)


def token(lab: Lab) -> str:
    """What the container has in its environment."""
    shown = lab.docker("inspect", "--format", "{{json .Config.Env}}", "holder")
    pairs = dict(entry.split("=", 1) for entry in json.loads(shown.stdout))
    return pairs["SVCUID"]


def introduced(lab: Lab, socket: str = "") -> str:
    """What the official clients in the container say; by another socket where one is given."""
    more = ["--env", f"{SOCKET}={socket}"] if socket else []
    said = lab.docker(
        "exec", *more, "holder", "/usr/bin/python3", "/opt/sdk/client.py", "introduce"
    )
    return said.stdout + said.stderr


def assert_known(lab: Lab, socket: str = "") -> None:
    said = introduced(lab, socket)
    assert CONNECTED in said, said
    assert CREDENTIALS in said, said


def accepts(device: Device, text: str) -> bool:
    return is_accepted(device.core.root / "ipc.socket", text)


def wait_refused(device: Device, text: str) -> None:
    wait_until(lambda: not accepts(device, text), "the token is refused")


def test_a_container_that_outlives_the_core_is_known_again(lab: Lab, device: Device):
    device.deploy(detached(device))
    assert_known(lab)
    assert_known(lab, "/ipc/ipc.socket")
    inode = folder_of(device.core).stat().st_ino
    device.core.kill()
    device.core.start()
    # Both ways at once: by the root that it has mounted, and by the folder.
    assert_known(lab)
    assert_known(lab, "/ipc/ipc.socket")
    assert folder_of(device.core).stat().st_ino == inode
    device.wait_state(NAME, "RUNNING")
    old = token(lab)
    assert accepts(device, old)
    assert lab.docker("rm", "--force", "holder").returncode == 0
    wait_refused(device, old)


def test_a_token_ends_with_its_container_though_its_script_ended_first(lab: Lab, device: Device):
    device.deploy(detached(device, "run"))
    device.wait_line(NAME, "Run script exited")
    assert device.core.state(NAME) == "RUNNING"
    held = token(lab)
    assert_known(lab)
    assert lab.docker("kill", "holder").returncode == 0
    wait_refused(device, held)


@pytest.mark.parametrize("step", ["startup", "run"])
def test_a_component_that_is_stopped_is_refused_at_once(lab: Lab, device: Device, step: str):
    device.deploy(detached(device, step))
    device.wait_state(NAME, "RUNNING")
    wait_until(lambda: lab.docker("inspect", "holder").returncode == 0, "the container is there")
    held = token(lab)
    assert accepts(device, held)
    stopped = device.core.cli("component", "stop", "--names", NAME)
    assert stopped.returncode == 0, device.core.describe(stopped)
    device.wait_state(NAME, "FINISHED")
    assert not accepts(device, held)
    assert lab.docker("inspect", "holder").returncode != 0
    # No later start of the core revives it.
    device.core.kill()
    device.core.start()
    assert not accepts(device, held)


def test_an_upgrade_and_a_removal_take_earlier_tokens_back(lab: Lab, device: Device):
    device.deploy(detached(device))
    device.core.kill()
    device.core.start()
    held = token(lab)
    assert accepts(device, held)
    folder = folder_of(device.core)
    device.deploy(detached(device, version="1.0.1"))
    assert not accepts(device, held)
    assert folder.is_dir()
    device.remove(NAME)
    assert not folder.parent.exists()


def test_processes_of_an_earlier_life_leave_no_token(make_device):
    device: Device = make_device()
    script = f"{device.keep_environment('kept')} && {FOREVER}"
    device.deploy(Component("com.example.Plain", {"run": script}))
    old = device.environment("com.example.Plain", "kept")["SVCUID"]
    assert accepts(device, old)
    device.core.kill()
    device.core.start()
    wait_refused(device, old)
    # Nobody held it, which a core finds out without the library that it talks to engines with.
    assert "/aiohttp/" not in Path(f"/proc/{device.core.pid}/maps").read_text()
