"""Containers that a component's scripts start are its own: from their start to their end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from device import Component, Device

from lab.waiting import wait_until

NAME, OTHER = "com.example.Owner", "com.example.Other"
IMAGE = "mysql:8.0"
ARTIFACTS = [{"URI": f"docker:{IMAGE}"}]
TICKS = (
    "trap 'echo bye; exit 0' TERM; n=0; "
    "while :; do n=$((n+1)); echo tick $n; sleep 0.1 & wait $!; done"
)
DETACHED = f'docker run -d --name web -v /data --network own {IMAGE} sh -c "{TICKS}"'
FOREGROUND = f'docker run --rm --name web {IMAGE} sh -c "{TICKS}"'


def component(run: str, name: str = NAME, **more: Any) -> Component:
    # What the host's shell would fill in is for the container's.
    script = run.replace("$((", "\\$((").replace("$n", "\\$n").replace("$!", "\\$!")
    return Component(name, {more.pop("step", "Run"): script}, artifacts=ARTIFACTS, **more)


def inspected(lab, name: str) -> dict[str, Any]:
    shown = lab.docker("inspect", name)
    assert shown.returncode == 0, shown.stderr
    found: dict[str, Any] = json.loads(shown.stdout)[0]
    return found


def container_id(lab, name: str) -> str:
    return lab.docker("inspect", "--format", "{{.Id}}", name).stdout.strip()


def names(lab) -> set[str]:
    return set(lab.docker("ps", "--all", "--format", "{{.Names}}").stdout.split())


def numbers(device: Device, name: str = NAME) -> list[int]:
    """Of the ticks in the component's log."""
    marked = [line for line in device.lines(name) if ". tick " in line]
    return [int(line.partition(". tick ")[2].partition(".")[0]) for line in marked]


def wait_numbers(device: Device, more_than: int) -> None:
    wait_until(
        lambda: len(numbers(device)) > more_than,
        lambda: f"{numbers(device)} {device.core.log(NAME)}",
    )


@pytest.mark.parametrize("step", ["Run", "Startup"])
def test_a_detached_container_carries_its_component(lab, make_device, step):
    device = make_device()
    device.deploy(component(f"docker network create own\n{DETACHED}", step=step))
    wait_numbers(device, 1)
    web = inspected(lab, "web")
    labels = web["Config"]["Labels"]
    assert labels["greendock.component"] == NAME
    assert labels["greendock.version"] == "1.0.0"
    assert labels["greendock.core"]
    assert labels["greendock.generation"]
    wait_numbers(device, 5)
    assert device.core.state(NAME) == "RUNNING"
    volume = web["Mounts"][0]["Name"]
    result = device.core.cli("component", "stop", "--names", NAME)
    assert result.returncode == 0
    device.core.wait_state(NAME, ["FINISHED"])
    wait_until(lambda: names(lab) == set(), lambda: f"nothing is left: {names(lab)}")
    assert volume not in lab.docker("volume", "ls", "--quiet").stdout
    assert "own" not in lab.docker("network", "ls", "--format", "{{.Name}}").stdout.split()
    # Everything that it printed, its last word too, and each line once.
    found = numbers(device)
    assert found == list(range(1, len(found) + 1))
    device.wait_line(NAME, ". bye.")


def test_details_show_the_container(lab, device):
    device.deploy(component(FOREGROUND))
    wait_numbers(device, 1)
    shown = device.details(NAME)
    [container] = shown["containers"]
    assert container["name"] == "web"
    assert container["id"] == inspected(lab, "web")["Id"]
    assert container["state"] == "running"
    text = device.core.cli("component", "details", "--name", NAME, "--verbose")
    assert "web" in text.stdout


def test_the_end_of_a_container_is_the_end_of_its_component(lab, device):
    device.deploy(component(f"docker run -d --name web {IMAGE} sleep 0.3"))
    device.core.wait_state(NAME, ["FINISHED"])
    assert names(lab) == set()


def test_a_container_that_fails_is_an_error(lab, device):
    answer = device.try_deploy(
        component(f"docker run -d --name web {IMAGE} sh -c 'sleep 0.3; exit 7'")
    )
    assert answer["exit"] in (0, 1)
    if answer["exit"] == 0:
        device.core.wait_state(NAME, ["BROKEN"])
        device.wait_line(NAME, "exited with code 7")
    wait_until(lambda: names(lab) == set(), lambda: f"nothing is left: {names(lab)}")


def test_nobody_ends_the_containers_of_another(lab, device):
    device.deploy(component(FOREGROUND))
    wait_numbers(device, 1)
    assert (
        lab.docker("run", "-d", "--rm", "--name", "foreign", IMAGE, "sleep", "100").returncode == 0
    )
    device.deploy(component("docker rm -f web || docker stop web || true", OTHER))
    device.core.wait_state(OTHER, ["FINISHED"])
    assert f"belongs to {NAME}" in device.core.log(OTHER) or NAME in device.core.log(OTHER)
    assert {"web", "foreign"} <= names(lab)
    lab.docker("kill", "foreign")


def test_a_killed_core_takes_its_container_over(lab, make_device):
    device = make_device()
    device.deploy(component(FOREGROUND))
    wait_numbers(device, 5)
    before = inspected(lab, "web")
    device.core.kill()
    device.core.start()
    device.core.wait_state(NAME, ["RUNNING"])
    wait_numbers(device, len(numbers(device)) + 10)
    after = inspected(lab, "web")
    assert (after["Id"], after["State"]["StartedAt"]) == (
        before["Id"],
        before["State"]["StartedAt"],
    )
    found = numbers(device)
    assert found == list(range(1, len(found) + 1))
    assert device.details(NAME)["adopted"] is True
    # It still ends with its component.
    device.core.cli("component", "stop", "--names", NAME)
    device.core.wait_state(NAME, ["FINISHED"])
    assert names(lab) == set()


def test_a_killed_core_clears_away_what_it_cannot_take_over(lab, make_device):
    device = make_device()
    device.deploy(component(f"while :; do {FOREGROUND}; sleep 0.2; done"))
    wait_numbers(device, 2)
    before = inspected(lab, "web")["Id"]
    device.core.kill()
    device.core.start()
    wait_until(lambda: "web" in names(lab), "it runs again")
    device.core.wait_state(NAME, ["RUNNING"])
    wait_until(lambda: container_id(lab, "web") not in ("", before), "it is another one")
    assert names(lab) == {"web"}


def test_who_has_no_claim_is_told(device):
    name = "com.example.Plain"
    plain = Component(
        name,
        {"Run": "docker ps"},
        configuration={"greendock": {"docker": {"access": "none"}}},
    )
    device.try_deploy(plain, options=("--failure-handling-policy", "DO_NOTHING"))
    device.wait_line(name, "greendock.docker.access is none")
