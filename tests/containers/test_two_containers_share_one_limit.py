"""A component's limits hold for its containers together, in one control group of a real engine."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from greendock.base.clock import SystemClock
from greendock.docker.containers.limits import (
    AskedLimits,
    Enforcement,
    GroupFacts,
    LimitRule,
    WantedLimits,
    decide_rule,
    members_for_create,
)
from greendock.docker.engine.client import Engine
from greendock.docker.engine.model import EngineInfo
from greendock.lifecycle.cgroups import ControlGroups, detect
from greendock.lifecycle.container_groups import ContainerGroup
from greendock.lifecycle.model import ResourceLimits
from greendock.lifecycle.shared_groups import shares_groups
from lab.lab import Lab
from lab.waiting import wait_until

pytestmark = pytest.mark.root

WEB = "com.example.Web"
IMAGE = "mysql:8.0"
HOLDS_20_MB = 'BEGIN { x = sprintf("%20000000s", "a"); system("sleep 600") }'
KB = 1024
TOP = Path("/sys/fs/cgroup")


@dataclass
class Machine:
    """The lab's engine, and a core's control groups on the same machine."""

    lab: Lab
    info: EngineInfo
    groups: ControlGroups
    started: list[str] = field(default_factory=list)

    @property
    def group(self) -> ContainerGroup:
        found = self.groups.containers(WEB)
        assert found is not None
        return found

    def rule(self, limits: ResourceLimits) -> LimitRule:
        facts = GroupFacts(
            self.group.parent,
            str(self.group.version),
            shares_groups(str(self.lab.socket), self.info.name),
            self.group.trouble,
        )
        return decide_rule(WantedLimits.of(limits.memory_kb, limits.cpus), self.info, facts)

    def start(self, rule: LimitRule, name: str, *command: str) -> None:
        """Create it as the gateway does: with the members that the rule sets."""
        members = members_for_create(rule, AskedLimits())
        body = {"Image": IMAGE, "Cmd": list(command), "HostConfig": members}
        made = self.lab.engine.call("POST", f"/containers/create?name={name}", body)
        assert made.status == 201, made.body
        self.started.append(name)
        begun = self.lab.engine.call("POST", f"/containers/{name}/start")
        assert begun.status == 204, begun.body

    def inspect(self, name: str) -> Any:
        return json.loads(self.lab.docker("inspect", name).stdout)[0]

    def remove_containers(self) -> None:
        for name in self.started:
            self.lab.engine.call("DELETE", f"/containers/{name}?force=1&v=1")
        self.started.clear()

    def file(self, controller: str, name: str) -> str:
        folder = TOP / controller if self.group.version == 1 else TOP
        return (folder / self.group.parent[1:] / name).read_text().strip()

    def folders(self) -> list[Path]:
        places = [TOP, *(p for p in TOP.iterdir() if p.is_dir())]
        return [p for p in (each / self.group.parent[1:] for each in places) if p.is_dir()]


def memory_used(machine: Machine) -> int:
    usage = machine.group.usage()
    return 0 if usage is None else usage.memory_bytes or 0


@pytest.fixture
def machine(lab: Lab) -> Iterator[Machine]:
    lab.reset()
    assert lab.docker("pull", IMAGE).returncode == 0

    async def info() -> EngineInfo:
        engine = Engine.from_environment(lab.docker_host, {})
        try:
            return await engine.info()
        finally:
            await engine.close()

    found = Machine(lab, asyncio.run(info()), detect(f"test{os.getpid()}"))
    yield found
    found.remove_containers()
    asyncio.run(found.group.close_when_empty(SystemClock(), 20))
    found.groups.remove()


def test_what_exceeds_the_limit_together_is_killed(machine):
    limits = ResourceLimits(memory_kb=36 * KB)
    machine.group.limit(limits)
    rule = machine.rule(limits)
    assert (rule.enforcement, rule.trouble) == (Enforcement.GROUP, None)
    machine.start(rule, "one", "busybox", "awk", HOLDS_20_MB)
    wait_until(lambda: memory_used(machine) > 20_000_000, "the first container holds its memory")
    assert machine.inspect("one")["State"]["Running"]
    machine.start(rule, "two", "busybox", "awk", HOLDS_20_MB)

    def ended() -> list[str]:
        shown = {name: machine.inspect(name)["State"] for name in ("one", "two")}
        return [name for name, state in shown.items() if not state["Running"]]

    wait_until(ended, "one of the two is killed")
    assert [machine.inspect(name)["State"]["ExitCode"] for name in ended()] == [137]
    for name in ("one", "two"):
        host = machine.inspect(name)["HostConfig"]
        assert (host["CgroupParent"], host["Memory"]) == (machine.group.parent, 0)
    assert memory_used(machine) <= limits.memory_kb * KB


def test_limits_are_there_before_the_containers_and_change_while_they_run(machine):
    machine.group.limit(ResourceLimits(memory_kb=64 * KB, cpus=0.5))
    rule = machine.rule(ResourceLimits(memory_kb=64 * KB, cpus=0.5))
    machine.start(rule, "one", "sleep", "600")
    if machine.group.version == 1:
        assert machine.file("memory", "memory.limit_in_bytes") == str(64 * KB * KB)
        assert machine.file("cpu", "cpu.cfs_quota_us") == "50000"
    machine.group.limit(ResourceLimits(memory_kb=128 * KB, cpus=1.5))
    if machine.group.version == 1:
        assert machine.file("memory", "memory.limit_in_bytes") == str(128 * KB * KB)
        assert machine.file("cpu", "cpu.cfs_quota_us") == "150000"
    machine.group.limit(None)
    assert machine.group.trouble is None
    if machine.group.version == 1:
        assert int(machine.file("memory", "memory.limit_in_bytes")) > 1 << 60
        assert machine.file("cpu", "cpu.cfs_quota_us") == "-1"


def test_a_limit_below_what_is_used_is_told_and_tried_again(machine):
    machine.start(machine.rule(ResourceLimits()), "one", "busybox", "awk", HOLDS_20_MB)
    wait_until(lambda: memory_used(machine) > 20_000_000, "the container holds its memory")
    machine.group.limit(ResourceLimits(memory_kb=8 * KB))
    if machine.group.version == 2:  # which kills what is too large
        wait_until(lambda: not machine.inspect("one")["State"]["Running"], "it is killed")
        return
    assert "the containers use more than that now" in (machine.group.trouble or "")
    rule = machine.rule(ResourceLimits(memory_kb=8 * KB))
    assert (rule.enforcement, rule.memory_bytes) == (Enforcement.EACH, 8 * KB * KB)
    assert machine.inspect("one")["State"]["Running"]
    machine.remove_containers()
    wait_until(lambda: not machine.group.holds_processes, "the container is gone")
    machine.group.limit(ResourceLimits(memory_kb=8 * KB))
    assert machine.group.trouble is None
    assert machine.file("memory", "memory.limit_in_bytes") == str(8 * KB * KB)


def test_limits_that_come_later_hold_at_once(machine):
    rule = machine.rule(ResourceLimits())
    assert (rule.cgroup_parent, rule.enforcement) == (machine.group.parent, Enforcement.NONE)
    machine.start(rule, "one", "busybox", "awk", HOLDS_20_MB)
    wait_until(lambda: memory_used(machine) > 20_000_000, "the container holds its memory")
    machine.group.limit(ResourceLimits(memory_kb=36 * KB))
    assert machine.group.trouble is None
    machine.start(rule, "two", "busybox", "awk", HOLDS_20_MB)
    wait_until(
        lambda: not all(machine.inspect(name)["State"]["Running"] for name in ("one", "two")),
        "one of the two is killed",
    )


def test_nothing_is_left_when_the_containers_are_gone(machine):
    machine.group.limit(ResourceLimits(memory_kb=64 * KB))
    machine.start(machine.rule(ResourceLimits(memory_kb=64 * KB)), "one", "sleep", "600")
    assert machine.group.holds_processes
    assert not machine.group.close()
    assert machine.inspect("one")["State"]["Running"]
    machine.remove_containers()
    assert asyncio.run(machine.group.close_when_empty(SystemClock(), 20))
    assert machine.folders() == []


def test_a_container_with_a_parent_of_its_own_keeps_it_and_is_limited_by_itself(machine):
    limits = ResourceLimits(memory_kb=64 * KB, cpus=0.5)
    rule = machine.rule(limits)
    asked = AskedLimits(cgroup_parent="/somewhere", memory_bytes=1 << 30)
    members = members_for_create(rule, asked)
    assert members == {"Memory": 64 * KB * KB, "NanoCpus": 500_000_000}
