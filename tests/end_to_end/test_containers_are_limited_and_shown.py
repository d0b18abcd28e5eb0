"""A component's limits hold for its containers together; people see what it has and uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from device import Component, Device

from lab.waiting import wait_until

pytestmark = pytest.mark.root

NAME = "com.example.Held"
IMAGE = "mysql:8.0"
LOOP = "trap 'exit 0' TERM; while :; do sleep 0.05 & wait \\$!; done"
COMPONENT = Component(
    NAME,
    {
        "Run": f"docker run -d --stop-timeout 1 --name back {IMAGE}\n"
        f'exec docker run --rm --name front {IMAGE} sh -c "{LOOP}"\n'
    },
    artifacts=[{"URI": f"docker:{IMAGE}"}],
)
_GROUPS = Path("/sys/fs/cgroup")


def limits_option(**limits: float) -> list[str]:
    return ["--systemLimits", json.dumps({NAME: limits})]


def details(device: Device) -> Any:
    return json.loads(device.core.cli("component", "details", "-n", NAME, "--json").stdout)


def stats(device: Device) -> Any:
    result = device.core.cli("component", "stats", "-n", NAME, "--json", "--interval", "0.1")
    assert result.returncode == 0, device.core.describe(result)
    (row,) = json.loads(result.stdout)["components"]
    return row


def in_force(device: Device) -> tuple[Any, ...]:
    shown = details(device)["containerLimits"] or {}
    return tuple(shown.get(key) for key in ("memoryBytes", "cpus", "enforcedBy", "trouble"))


@pytest.fixture
def held(device):
    device.deploy(COMPONENT, options=limits_option(memory=65536, cpus=0.5))
    wait_until(
        lambda: [one["state"] for one in details(device)["containers"]] == ["running"] * 2,
        lambda: f"both run: {details(device)} {device.core.log(NAME)}",
    )
    return device


def places(group: str) -> list[Path]:
    folders = [_GROUPS, *(path for path in _GROUPS.iterdir() if path.is_dir())]
    return [found for folder in folders if (found := folder / group.lstrip("/")).is_dir()]


def limit_of(group: str) -> str:
    first, second = (
        _GROUPS / "memory" / group[1:] / "memory.limit_in_bytes",
        _GROUPS / group[1:] / "memory.max",
    )
    return (first if first.exists() else second).read_text().strip()


def test_both_containers_are_in_one_group_that_is_limited(lab, held):
    assert in_force(held) == (65536 * 1024, 0.5, "group", None)
    group = details(held)["containerLimits"]["controlGroup"]
    parents = lab.docker("inspect", "--format={{.HostConfig.CgroupParent}}", "front", "back")
    assert parents.stdout.split() == [group, group]
    assert limit_of(group) == str(65536 * 1024)

    held.change("--merge", f"{NAME}=1.0.0", *limits_option(memory=131072))
    assert in_force(held) == (131072 * 1024, None, "group", None)
    assert stats(held)["memoryLimitBytes"] == 131072 * 1024
    assert limit_of(group) == str(131072 * 1024)

    held.core.cli("component", "stop", "-n", NAME)
    held.core.wait_state(NAME, ["FINISHED"])
    wait_until(lambda: places(group) == [], lambda: f"nothing is left: {places(group)}")


def test_people_see_what_it_has_and_uses(lab, held):
    shown = {one["name"]: one for one in details(held)["containers"]}
    assert set(shown) == {"front", "back"}
    ids = lab.docker("inspect", "--format={{.Id}} {{.Image}}", "front").stdout.split()
    front = shown["front"]
    assert [front["id"], front["imageId"]] == ids
    assert front["imageName"] == IMAGE
    assert front["imageDigest"].startswith("sha256:")
    assert front["startedAt"] > 1_600_000_000
    text = held.core.cli("component", "details", "-n", NAME, "--verbose").stdout
    assert "    Containers: 2\n" in text
    assert f"        front ({ids[0][:12]}): running, started 20" in text
    assert "    Container Limits: memory 67.1 MB, 0.5 CPUs (together in one control group" in text

    row = stats(held)
    assert (row["containers"], row["missing"], row["restarts"]) == (2, None, 0)
    assert row["processes"] >= 1
    assert row["memoryBytes"] > 100_000
    assert row["cpuSeconds"] > 0
    assert row["cpuPercent"] >= 0
    assert (row["memoryLimitBytes"], row["cpuLimit"]) == (65536 * 1024, 0.5)
