"""Every IPC operation and its errors by the official SDK: V1 and V2, on the host, in containers.

What is called and what has to come of it stands in `lab/sdk/`; these programs run as components of
a core with all its parts: a broker, a secret, an engine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.broker import Broker

if TYPE_CHECKING:
    from lab.core import Core
    from lab.lab import Lab

PROGRAMS = Path(__file__).resolve().parents[1] / "lab" / "sdk"
TARGET = "com.example.Target"
IMAGE = "sdk:1.0"
SERVICES = (
    "aws.greengrass.ipc.pubsub",
    "aws.greengrass.ipc.mqttproxy",
    "aws.greengrass.ipc.lifecycle",
    "aws.greengrass.SecretManager",
    "aws.greengrass.ShadowManager",
    "aws.greengrass.Cli",
    "aws.greengrass.clientdevices.Auth",
    "aws.greengrass.ipc.componentmetric",
)
ALL = {
    service: {f"{service}:1": {"operations": ["*"], "resources": ["*"]}} for service in SERVICES
}
NAMES = {
    "allowed": "com.example.Conformance",
    "denied": "com.example.Denied",
    "system": "aws.greengrass.StreamManager",
}
DEPENDENCIES = ("ShadowManager", "SecretManager", "DockerApplicationManager")


@pytest.fixture
def device(lab: Lab, make_core: Any, tmp_path: Path) -> Iterator[Core]:
    broker = Broker(tmp_path / "broker", lab)
    broker.start()
    secret = tmp_path / "secret"
    secret.write_text("value of the secret")
    secret.chmod(0o600)
    # The interpreter of these tests may lie where only root can read.
    nucleus = {"configuration": {"runWithDefault": {"posixUser": "root"}}}
    yield make_core(
        {
            "services": {"aws.greengrass.Nucleus": nucleus},
            "greendock": {
                "mqtt": {"endpoint": f"mqtt://127.0.0.1:{broker.port}"},
                "secrets": {"conformance": {"file": str(secret)}},
            },
        }
    )
    broker.stop()


def component(name: str, run: str, configuration: dict[str, Any], *images: str) -> dict[str, Any]:
    return {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": "1.0.0",
        "ComponentDependencies": {
            f"aws.greengrass.{part}": {"VersionRequirement": ">=2.0.0"} for part in DEPENDENCIES
        },
        "ComponentConfiguration": {"DefaultConfiguration": configuration},
        "Manifests": [
            {
                "Lifecycle": {"Run": run},
                "Artifacts": [{"URI": f"docker:{image}"} for image in images],
            }
        ],
    }


@pytest.fixture
def prove(lab: Lab, device: Core, tmp_path: Path) -> Any:
    """Runs the cases of one group by the given command, and gives what they say."""
    folder = tmp_path / "recipes"
    folder.mkdir()

    def deploy(recipe: dict[str, Any]) -> None:
        path = folder / f"{recipe['ComponentName']}.json"
        path.write_text(json.dumps(recipe))
        device.deploy(path)

    def run(group: str, command: str, *images: str) -> list[dict[str, Any]]:
        wait = "while true; do sleep 0.2; done"
        deploy(component(TARGET, wait, {"greeting": "hello"}))
        own: dict[str, Any] = {"deep": {"leaf": 1}, "changing": {"V1": 0, "V2": 0}}
        if group != "denied":
            own["accessControl"] = ALL
        deploy(component(NAMES[group], command, own, *images))
        device.wait_log(NAMES[group], '{"done": ', timeout_s=180)
        return list(lines(device.log(NAMES[group])))

    return run


def lines(log: str) -> Iterator[dict[str, Any]]:
    for line in log.splitlines():
        _, found, rest = line.partition("stdout. {")
        if found:
            yield json.JSONDecoder().raw_decode("{" + rest)[0]


def assert_all_passed(said: list[dict[str, Any]]) -> None:
    failures = [f"{row['client']} {row['case']}:\n{row['failure']}" for row in said[:-1]]
    assert [text for text, row in zip(failures, said, strict=False) if row["failure"]] == []
    assert said[-1]["done"] == len(said) - 1 > 0


@pytest.mark.parametrize("group", NAMES)
def test_on_the_host(prove, group):
    assert_all_passed(prove(group, f"{sys.executable} -u {PROGRAMS}/conformance.py {group}"))


@pytest.mark.parametrize(("group", "user"), [("allowed", ""), ("denied", "1000"), ("system", "")])
def test_in_a_container(lab, prove, device, group, user):
    lab.seed_sdk("hub", "library/sdk", "1.0", "wait", user=user)
    socket = "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT"
    mount = f"-v {device.root}:{device.root}"
    program = f"python3 -u /opt/sdk/conformance.py {group}"
    command = f"docker run --rm -e SVCUID -e {socket} {mount} {IMAGE} {program}"
    assert_all_passed(prove(group, command, IMAGE))


def test_each_operation_of_the_model_is_proven():
    """Both ways: it succeeds in some case, and it fails in some case."""
    from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

    sys.path.insert(0, str(PROGRAMS))
    import conformance

    methods = {
        name.removesuffix("_async")
        for name in vars(GreengrassCoreIPCClientV2)
        if name.endswith("_async")
    }
    proven = {name for case in conformance.CASES for name in case.proves}
    failing = {name for case in conformance.CASES for name in case.fails}
    # Answers to questions that a deployment asks: proven where deployments ask.
    asked = {"defer_component_update", "send_configuration_validity_report"}
    absent = {
        "authorize_client_device_action",
        "get_client_device_auth_token",
        "subscribe_to_certificate_updates",
        "verify_client_device_identity",
    }
    unfailing = {
        "subscribe_to_component_updates",
        "subscribe_to_iot_core_connection_status",
        "subscribe_to_validate_configuration_updates",
        "update_state",
    }
    assert methods - proven == asked | absent
    assert methods - failing == unfailing
