"""A paused component's containers are paused at the engine, those of others never."""

from __future__ import annotations

import json

import awsiot.greengrasscoreipc
import pytest
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from device import Component

from lab.waiting import wait_until

NAME = "com.example.Paused"
IMAGE, OTHER_IMAGE = "mysql:8.0", "public.ecr.aws/cloudwatch-agent/cloudwatch-agent:latest"
LOOP = "trap 'exit 0' TERM; while :; do echo tick; sleep 0.05 & wait $!; done"
RUN = f"""
QUICK="--stop-timeout 1" PROJECT=com.docker.compose.project=$COMPOSE_PROJECT_NAME
docker run -d --rm $QUICK --name back-$(date +%s%N) --env SVCUID {IMAGE}
docker run -d --rm $QUICK --name composed --label $PROJECT {IMAGE}
exec docker run --rm --name front {IMAGE} sh -c "{LOOP}"
"""
COMPONENT = Component(
    NAME,
    {
        "Run": RUN.replace("$!", "\\$!"),
        "Shutdown": "docker stop -t 1 $(docker ps -q --filter name=back- --filter name=composed)",
    },
    artifacts=[{"URI": f"docker:{IMAGE}"}],
)


def containers(lab) -> dict[str, bool]:
    """Name to "is paused", of all that run; `back-…` is called `back`."""
    ids = lab.docker("ps", "--quiet").stdout.split()
    if not ids:
        return {}
    shown = lab.docker("inspect", *ids)
    return {
        found["Name"].lstrip("/").partition("-")[0]: found["State"]["Paused"]
        for found in json.loads(shown.stdout)
    }


OURS = {"front", "back", "composed"}


@pytest.fixture
def running(lab, device):
    """The component with its three containers; two of somebody else."""
    for name, image in (("older", IMAGE), ("foreign", OTHER_IMAGE)):
        assert lab.docker("run", "-d", "--rm", "--name", name, image).returncode == 0
    device.deploy(COMPONENT)
    wait_until(
        lambda: set(containers(lab)) == {*OURS, "older", "foreign"},
        lambda: f"all run: {containers(lab)} {device.core.log(NAME)}",
    )
    device.core.wait_log(NAME, "tick")
    yield device
    for name in ("older", "foreign"):
        lab.docker("kill", name)


def ticks(device) -> int:
    return device.core.log(NAME).count("tick")


def change(device, verb: str) -> None:
    result = device.core.cli("component", verb, "--names", NAME)
    assert result.returncode == 0, device.core.describe(result)


def paused(lab) -> set[str]:
    return {name for name, is_paused in containers(lab).items() if is_paused}


def test_its_containers_stand_still_and_go_on(lab, running):
    change(running, "pause")
    assert paused(lab) == OURS
    shown = running.core.cli("component", "details", "--name", NAME).stdout
    assert "State: RUNNING\n    Paused: true\n" in shown
    held = ticks(running)
    assert running.details(NAME)["paused"] is True
    assert ticks(running) == held
    log = running.core.log("aws.greengrass.DockerApplicationManager")
    assert "container older runs on while" in log
    assert "it is older than this life of the component" in log
    assert "foreign" not in log

    change(running, "resume")
    assert paused(lab) == set()
    wait_until(lambda: ticks(running) > held, "the container writes again")
    again = running.core.cli("component", "resume", "--names", NAME)
    assert again.returncode == 1
    assert "is not paused" in again.stderr


def test_one_that_people_paused_stays_paused(lab, running):
    assert lab.docker("pause", "composed").returncode == 0
    change(running, "pause")
    assert paused(lab) == OURS
    change(running, "resume")
    assert paused(lab) == {"composed"}
    assert lab.docker("unpause", "composed").returncode == 0


def test_a_stop_while_it_is_paused_ends_its_containers(lab, running):
    change(running, "pause")
    change(running, "stop")
    running.core.wait_state(NAME, ["FINISHED"])
    wait_until(lambda: set(containers(lab)) == {"older", "foreign"}, "its containers have ended")
    assert paused(lab) == set()


def test_a_restart_and_a_removal_while_it_is_paused(lab, running):
    change(running, "pause")
    before = lab.docker("ps", "--quiet").stdout.split()
    change(running, "restart")
    wait_until(
        lambda: len(set(lab.docker("ps", "--quiet").stdout.split()) - set(before)) == len(OURS),
        lambda: f"its containers run again: {containers(lab)} {running.core.tail()}",
    )
    running.core.wait_state(NAME, ["RUNNING"])
    change(running, "pause")
    running.remove_all()
    assert set(containers(lab)) == {"older", "foreign"}


def test_by_the_official_client(lab, running):
    info = json.loads((running.core.root / "cli_ipc_info" / "user-0").read_text())
    client = GreengrassCoreIPCClientV2(
        awsiot.greengrasscoreipc.connect(
            ipc_socket=str(running.core.root / "ipc.socket"), authtoken=info["cli_auth_token"]
        )
    )
    client.pause_component(component_name=NAME)
    assert paused(lab) == OURS
    details = client.get_component_details(component_name=NAME).component_details
    assert details.state == "RUNNING"
    client.resume_component(component_name=NAME)
    assert paused(lab) == set()
    client.close().exception(10)


def test_a_core_that_is_killed_leaves_nothing_paused(lab, make_device):
    device = make_device()
    device.deploy(COMPONENT)
    wait_until(lambda: set(containers(lab)) == OURS, "all run")
    device.core.wait_log(NAME, "tick")
    change(device, "pause")
    before = ticks(device)
    old = set(lab.docker("ps", "--quiet").stdout.split())
    device.core.kill()
    assert paused(lab) == OURS
    device.core.start()
    wait_until(lambda: ticks(device) > before, lambda: f"it runs again: {device.core.tail()}")
    wait_until(lambda: set(containers(lab)) == OURS, "all run again, each once")
    assert paused(lab) == set()
    # Its script starts several: nobody can take them over for it.
    assert not old & set(lab.docker("ps", "--all", "--quiet").stdout.split())
    assert (
        "resuming containers that an earlier life of the core paused"
        in (device.core.root / "logs" / "greengrass.log").read_text()
    )


def test_one_that_was_started_past_the_socket_is_paused_too(lab, device):
    project = "--label com.docker.compose.project=$COMPOSE_PROJECT_NAME"
    past = (
        f"exec docker -H {lab.docker_host} run --rm --name past --stop-timeout 1 {project} {IMAGE}"
    )
    device.deploy(Component(NAME, {"Run": past}, artifacts=[{"URI": f"docker:{IMAGE}"}]))
    wait_until(lambda: set(containers(lab)) == {"past"}, "it runs")
    labels = lab.docker("inspect", "--format={{json .Config.Labels}}", "past").stdout
    assert "greendock." not in labels
    change(device, "pause")
    assert paused(lab) == {"past"}
    change(device, "resume")
    assert paused(lab) == set()
    lab.docker("kill", "past")


def test_a_component_without_containers_needs_no_engine(lab, make_device):
    device = make_device()
    lab.stop_engine()
    name = "com.example.Plain"
    device.deploy(Component(name, {"Run": "while :; do echo tick; sleep 0.05; done"}))
    device.core.wait_log(name, "tick")
    for verb in ("pause", "resume"):
        result = device.core.cli("component", verb, "--names", name)
        assert result.returncode == 0, device.core.describe(result)
