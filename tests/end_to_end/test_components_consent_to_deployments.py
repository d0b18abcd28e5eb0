"""Components on a real core hold an update up, reject a configuration, stay silent, or are left.

They use the official client, unmodified, in the second generation.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from device import Component, Device

from lab.waiting import wait_until

NAME, OTHER = "com.example.Voice", "com.example.Other"

# argv: the file of notes, then for each preUpdateEvent the milliseconds to defer by (the last one
# counts for all that follow), "silent" to give no answer, or "reject" to check configurations.
VOICE = b"""
import queue, sys
from awsiot.greengrasscoreipc import model
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

path, *answers = sys.argv[1:]
events = queue.Queue()


def note(text):
    with open(path, "a") as file:
        file.write(text + "\\n")


client = GreengrassCoreIPCClientV2()
client.subscribe_to_component_updates(on_stream_event=events.put)
client.subscribe_to_validate_configuration_updates(on_stream_event=events.put)
print("listening", flush=True)
while True:
    event = events.get()
    asked = getattr(event, "validate_configuration_update_event", None)
    if asked is not None:
        note("asked for " + asked.configuration["mood"])
        accepted = asked.configuration["mood"] != "grim"
        client.send_configuration_validity_report(
            configuration_validity_report=model.ConfigurationValidityReport(
                deployment_id=asked.deployment_id,
                status="ACCEPTED" if accepted else "REJECTED",
                message="cheer up",
            )
        )
    elif event.pre_update_event is not None:
        note("ahead")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer != "silent":
            client.defer_component_update(
                deployment_id=event.pre_update_event.deployment_id,
                recheck_after_ms=int(answer),
                message="in the middle of something",
            )
    else:
        note("over")
"""


def voice(device: Device, *answers: str) -> Component:
    command = [sys.executable, "{artifacts:path}/voice.py", str(device._notes), *answers]
    return Component(
        NAME,
        {"Run": f"exec {' '.join(command)}"},
        configuration={"mood": "calm"},
        artifacts=[{"URI": "s3://bucket/voice.py"}],
        files={"voice.py": VOICE},
    )


def begin(device: Device, *answers: str) -> None:
    """Deploy the voice, and wait until it listens."""
    # As root, since the interpreter of the tests may be one that others can't read.
    device.deploy(voice(device, *answers), options=["--runWith", f"{NAME}:posixUser=root"])
    device.wait_line(NAME, "listening")


def other(device: Device) -> Component:
    return Component(OTHER, {"Startup": device.note("other runs")})


def status(device: Device, deployment: str) -> dict[str, Any]:
    result = device.core.cli("deployment", "status", "-i", deployment, "--json")
    assert result.returncode == 0, device.core.describe(result)
    shown: dict[str, Any] = json.loads(result.stdout)
    return shown


def waits_for(device: Device, deployment: str) -> list[dict[str, Any]]:
    """What the deployment waits for, as soon as it does."""
    wait_until(
        lambda: status(device, deployment)["waiting"],
        lambda: f"the deployment waits: {status(device, deployment)}\n{device.core.tail()}",
    )
    waiting: list[dict[str, Any]] = status(device, deployment)["waiting"]
    return waiting


def submit(device: Device, component: Component, *options: str) -> str:
    answer = device.try_deploy(component, options=(*options, "--no-wait"))
    assert answer["exit"] == 0, answer
    return str(answer["deploymentId"])


def test_an_update_waits_until_a_component_agrees(device: Device) -> None:
    begin(device, "300", "0")
    answer = device.deploy(other(device), options=["--notify-components"])
    assert answer["warnings"] == []
    device.wait_notes("ahead", "ahead", "other runs", "over")
    assert f"{NAME} defers the update: in the middle of something" in "\n".join(
        device.lines("greengrass")
    )


def test_a_rejected_configuration_changes_nothing(device: Device) -> None:
    begin(device, "0")
    before = device.details(NAME)
    update = json.dumps({NAME: {"MERGE": {"mood": "grim"}}})
    options = ["--validate-configuration", "-c", update]
    answer = device.try_deploy(voice(device, "0"), options=options)
    assert answer["exit"] == 1
    assert answer["detailedStatus"] == "FAILED_NO_STATE_CHANGE"
    assert answer["errorStack"] == ["DEPLOYMENT_FAILURE", "COMPONENT_CONFIGURATION_NOT_VALID"]
    assert f"{NAME} rejects its new configuration: cheer up" in answer["cause"]
    assert device.details(NAME) == before
    device.wait_notes("asked for grim")
    update = json.dumps({NAME: {"MERGE": {"mood": "glad"}}})
    device.deploy(voice(device, "0"), options=["--validate-configuration", "-c", update])
    assert device.details(NAME)["configuration"]["mood"] == "glad"
    device.wait_notes("asked for grim", "asked for glad")


def test_a_component_that_never_answers_is_overruled(device: Device) -> None:
    begin(device, "silent")
    answer = device.deploy(other(device), options=["--notify-components", "1"])
    assert answer["warnings"] == [f"{NAME} did not answer whether the update may go ahead"]
    device.wait_notes("ahead", "other runs", "over")


@pytest.mark.parametrize("answer", ["silent", "3600000"])
def test_a_deployment_that_waits_can_be_cancelled(device: Device, answer: str) -> None:
    begin(device, answer)
    deployment = submit(device, other(device), "--notify-components", "3600")
    device.wait_notes("ahead")
    [wait] = waits_for(device, deployment)
    assert (wait["component"], wait["about"]) == (NAME, "update")
    result = device.core.cli("deployment", "cancel", "-i", deployment)
    assert result.returncode == 0, device.core.describe(result)
    assert status(device, deployment)["status"] == "CANCELED"
    device.wait_notes("ahead", "over")
    assert device.core.state(OTHER) == ""


def test_a_component_that_stops_is_not_waited_for(device: Device) -> None:
    begin(device, "silent")
    deployment = submit(device, other(device), "--notify-components", "3600")
    device.wait_notes("ahead")
    device.core.cli("component", "stop", "-n", NAME)
    device.wait_notes("ahead", "other runs")
    wait_until(
        lambda: status(device, deployment)["status"] == "SUCCEEDED",
        lambda: f"the deployment ends: {status(device, deployment)}",
    )


def test_nobody_is_asked_unless_the_deployment_says_so(device: Device) -> None:
    begin(device, "silent")
    update = json.dumps({NAME: {"MERGE": {"mood": "grim"}}})
    device.deploy(voice(device, "silent"), other(device), options=["-c", update])
    device.wait_notes("other runs")
