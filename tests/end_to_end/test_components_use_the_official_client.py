"""A component with the official client, unmodified: its state, its configuration, kill -9."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import awsiot.greengrasscoreipc
import pytest
from awsiot.greengrasscoreipc import model
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from device import FOREVER, Component, Device

from lab.waiting import wait_until

UP = ["INSTALLED", "STARTING", "RUNNING"]
# The interpreter of these tests may lie where only root can read.
AS_ROOT = {
    "services": {
        "aws.greengrass.Nucleus": {"configuration": {"runWithDefault": {"posixUser": "root"}}}
    },
    "greendock": {"restart": {"backoffSeconds": 0.02, "maxBackoffSeconds": 0.1}},
}
READY = b"""
import time
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
GreengrassCoreIPCClientV2().update_state(state="RUNNING")
time.sleep(100000)
"""
# The client of version 1.
FAILED = b"""
import time
import awsiot.greengrasscoreipc
from awsiot.greengrasscoreipc.model import UpdateStateRequest
operation = awsiot.greengrasscoreipc.connect().new_update_state()
operation.activate(UpdateStateRequest(state="ERRORED")).result(10)
operation.get_response().result(10)
time.sleep(100000)
"""
UPDATE = b"""
import datetime, json, time
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
client = GreengrassCoreIPCClientV2()
events = open("events", "a", buffering=1)
client.subscribe_to_configuration_update(
    key_path=[],
    on_stream_event=lambda event: print(
        json.dumps(event.configuration_update_event.key_path), file=events
    ),
)
starts = client.get_configuration(key_path=["starts"]).value["starts"] + 1
client.update_configuration(
    timestamp=datetime.datetime.now(datetime.timezone.utc),
    value_to_merge={"message": "own", "starts": starts},
)
print("answered", starts, file=open("answered", "a"), flush=True)
time.sleep(100000)
"""


@pytest.fixture(scope="module")
def core_config() -> dict[str, Any]:
    return AS_ROOT


def python(file: str) -> str:
    return f"exec {sys.executable} {{artifacts:path}}/{file}"


@pytest.fixture
def person(device: Device) -> Iterator[GreengrassCoreIPCClientV2]:
    """The official client as a person has it: with a token of the command line."""
    [first, *_] = sorted((device.core.root / "cli_ipc_info").iterdir())
    info = json.loads(first.read_text())
    connection = awsiot.greengrasscoreipc.connect(
        ipc_socket=str(device.core.root / "ipc.socket"), authtoken=info["cli_auth_token"]
    )
    client = GreengrassCoreIPCClientV2(connection)
    yield client
    client.close().exception(10)


def text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def wait_text(path: Path, expected: str) -> None:
    wait_until(
        lambda: text(path) == expected, lambda: f"{path} is {expected!r}, not {text(path)!r}"
    )


def test_a_startup_script_that_stays_says_when_it_is_ready(device: Device) -> None:
    name = "com.example.Ready"
    device.deploy(Component(name, {"startup": python("ready.py")}, files={"ready.py": READY}))
    device.wait_history(name, *UP)
    assert isinstance(device.pid(name), int)


def test_an_error_that_a_component_reports_leads_to_broken_at_last(device: Device) -> None:
    name = "com.example.Failed"
    component = Component(name, {"run": python("failed.py")}, files={"failed.py": FAILED})
    device.try_deploy(component)
    device.wait_state(name, "BROKEN")
    history = device.history(name)
    assert history.count("ERRORED") >= 2
    assert "reported an error" in device.details(name)["statusReason"]


def test_a_configuration_changes_while_its_component_runs_and_outlives_kill_9(
    device: Device,
) -> None:
    name = "com.example.Updates"
    run = f"{device.note('run {configuration:/message}')}; {python('update.py')}"
    configuration = {"message": "hello", "starts": 0, "port": 1}
    device.deploy(
        Component(name, {"run": run}, configuration=configuration, files={"update.py": UPDATE})
    )
    work = device.work(name)
    wait_text(work / "answered", "answered 1\n")
    wait_text(work / "events", '["message"]\n["starts"]\n')
    details = device.details(name)
    assert details["configuration"] == {"message": "own", "starts": 1, "port": 1}
    assert device.history(name) == UP
    device.core.kill()
    device.core.start()
    wait_text(work / "answered", "answered 1\nanswered 2\n")
    device.wait_notes("run hello", "run own")
    pid = device.pid(name)
    # The message that was set on the device is newer than nothing; the port is the deployment's.
    device.change(
        "--merge",
        f"{name}=1.0.0",
        "--update-config",
        json.dumps({name: {"MERGE": {"port": 2}}}),
    )
    wait_text(work / "events", '["message"]\n["starts"]\n["starts"]\n["port"]\n')
    assert device.details(name)["configuration"] == {"message": "own", "starts": 2, "port": 2}
    assert device.pid(name) == pid
    assert device.notes() == ["run hello", "run own"]


def test_a_person_reads_configurations_and_gets_a_debug_password(
    device: Device, person: GreengrassCoreIPCClientV2
) -> None:
    name = "com.example.Read"
    device.deploy(Component(name, {"run": FOREVER}, configuration={"Port": 1, "_x": 2}))
    assert person.get_configuration(component_name=name.upper()).value == {"Port": 1}
    nucleus = person.get_configuration(
        component_name="aws.greengrass.nucleus", key_path=["runwithdefault"]
    )
    assert nucleus.component_name == "aws.greengrass.Nucleus"
    assert nucleus.value == {"posixUser": "root"}
    made = person.create_debug_password()
    assert (made.username, len(made.password)) == ("debug", 43)
    assert made.password_expiration > datetime.datetime.now().astimezone()
    with pytest.raises(model.ResourceNotFoundError):
        person.update_state(state="RUNNING")
    with pytest.raises(model.UnauthorizedError):
        person.update_configuration(timestamp=datetime.datetime.now(), value_to_merge={"a": 1})
    for refused in (
        lambda: person.validate_authorization_token(token="x"),
        lambda: person.put_component_metric(
            metrics=[model.Metric(name="m", unit="COUNT", value=1.0)]
        ),
    ):
        with pytest.raises(model.UnauthorizedError):
            refused()
    assert made.password not in "\n".join(device.lines("greengrass"))
