"""A component's limits reach its running containers, whoever enforces them; with a real engine."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from greendock.base.clock import Clock, SystemClock
from greendock.daemon.container_limits import ComponentLimits
from greendock.docker.containers.limits import (
    AskedLimits,
    Enforcement,
    LimitRule,
    members_for_create,
)
from greendock.docker.containers.view import LimitsInForce
from greendock.docker.engine.client import Engine
from greendock.lifecycle.cgroup_mounts import Hierarchies
from greendock.lifecycle.cgroups import ControlGroups, detect
from greendock.lifecycle.model import ResourceLimits
from lab.connections import connections_end
from lab.lab import Lab
from lab.waiting import wait_until

pytestmark = pytest.mark.root

WEB = "com.example.Web"
IMAGE = "mysql:8.0"
CORE = "0123456789ab"
MB = 1024 * 1024
LOW = ResourceLimits(memory_kb=64 * 1024, cpus=0.5)
HIGH = ResourceLimits(memory_kb=128 * 1024, cpus=1.0)
NO_GROUPS = Hierarchies()


class Hasty(SystemClock):
    """Waits less."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 100)


@dataclass
class Scene:
    """One engine, and a core that limits what runs there."""

    lab: Lab
    names: list[str] = field(default_factory=list)

    def run(
        self,
        work: Callable[[ComponentLimits], Awaitable[None]],
        groups: ControlGroups | None = None,
        clock: Clock | None = None,
    ) -> None:
        found = groups or detect(f"test{os.getpid()}")

        async def whole() -> None:
            engine = Engine.from_environment(self.lab.docker_host, {})
            limits = ComponentLimits(
                CORE, found, lambda: engine, clock or SystemClock(), lambda _: tuple(self.names)
            )
            try:
                async with asyncio.timeout(60):
                    await work(limits)
            finally:
                await limits.stop()
                await engine.close()
                await connections_end()

        try:
            asyncio.run(whole())
        finally:
            self.remove()
            group = found.containers(WEB)
            if group is not None:
                asyncio.run(group.close_when_empty(SystemClock(), 20))
            found.remove()

    def start(
        self, rule: LimitRule, name: str, command: Sequence[str] = ("sleep", "600"), **asked: int
    ) -> None:
        host: dict[str, Any] = dict(asked)
        wanted = AskedLimits(memory_bytes=asked.get("Memory", 0))
        host |= members_for_create(rule, wanted)
        body = {"Image": IMAGE, "Cmd": list(command), "HostConfig": host}
        made = self.lab.engine.call("POST", f"/containers/create?name={name}", body)
        assert made.status == 201, made.body
        self.names.append(name)
        assert self.lab.engine.call("POST", f"/containers/{name}/start").status == 204

    def limits(self, name: str) -> tuple[int, int]:
        host = json.loads(self.lab.docker("inspect", name).stdout)[0]["HostConfig"]
        return host["Memory"], host["NanoCpus"]

    def remove(self) -> None:
        for name in self.names:
            self.lab.engine.call("DELETE", f"/containers/{name}?force=1&v=1")
        self.names.clear()


@pytest.fixture
def scene(lab):
    lab.reset()
    assert lab.docker("pull", IMAGE).returncode == 0
    return Scene(lab)


async def becomes(condition: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(wait_until, condition, what)


def test_each_container_is_limited_and_follows_where_there_is_no_group(scene, caplog):
    async def work(limits: ComponentLimits) -> None:
        await limits.learn()
        rule = limits.open(WEB, LOW)
        assert rule.enforcement is Enforcement.EACH
        await asyncio.to_thread(scene.start, rule, "plain")
        await asyncio.to_thread(scene.start, rule, "small", Memory=16 * MB)
        assert scene.limits("plain") == (64 * MB, 500_000_000)
        assert scene.limits("small") == (16 * MB, 500_000_000)
        limits.change(WEB, HIGH)
        await becomes(lambda: scene.limits("plain") == (128 * MB, 1_000_000_000), "it is raised")
        await becomes(
            lambda: scene.limits("small") == (16 * MB, 1_000_000_000), "it keeps its own"
        )
        limits.change(WEB, None)
        await becomes(lambda: not limits._tasks, "the work is over")
        assert limits.trouble(WEB) is None
        assert scene.limits("plain")[0] > 1 << 60
        limits.change(WEB, LOW)
        await becomes(lambda: scene.limits("plain") == (64 * MB, 500_000_000), "it is there again")
        assert limits.in_force(WEB) == LimitsInForce(
            64 * MB, 0.5, Enforcement.EACH, None, limits.trouble(WEB)
        )

    with caplog.at_level(logging.WARNING, logger="greendock"):
        scene.run(work, ControlGroups("none", NO_GROUPS))
    told = [r.getMessage() for r in caplog.records if "each container by itself" in r.getMessage()]
    assert (
        told
        == [
            f"{WEB}: limits hold for each container by itself: the core can make no control groups"
        ]
        * 2
    )  # once for each time that limits were set anew


def test_the_group_follows_and_is_gone_with_the_component(scene):
    async def work(limits: ComponentLimits) -> None:
        await limits.learn()
        group = limits.groups.containers(WEB)
        rule = limits.open(WEB, LOW)
        assert rule == limits.rule(WEB)
        assert (rule.cgroup_parent, rule.enforcement) == (group.parent, Enforcement.GROUP)
        await asyncio.to_thread(scene.start, rule, "plain")
        assert scene.limits("plain") == (0, 0)
        assert limits.in_force(WEB) == LimitsInForce(
            64 * MB, 0.5, Enforcement.GROUP, group.parent, None
        )
        limits.change(WEB, HIGH)
        assert limits.in_force(WEB).memory_bytes == 128 * MB
        assert group.holds_processes
        limits.close(WEB)
        assert group.holds_processes  # nothing is taken from a container that runs
        await asyncio.to_thread(scene.remove)
        await becomes(lambda: group.close(), "the group is gone")
        assert limits.in_force(WEB) == LimitsInForce()

    scene.run(work)


def test_what_began_before_the_engine_was_known_is_limited_afterwards(scene):
    async def work(limits: ComponentLimits) -> None:
        rule = limits.open(WEB, LOW)
        assert rule.enforcement is Enforcement.NONE
        assert "the engine was not asked yet" in (limits.trouble(WEB) or "")
        await asyncio.to_thread(scene.start, rule, "early")
        assert scene.limits("early") == (0, 0)
        await limits.learn()
        # It is outside the group, and stays there: it gets the limits by itself.
        await becomes(lambda: scene.limits("early") == (64 * MB, 500_000_000), "it is limited")
        assert limits.trouble(WEB) is None

    scene.run(work)


def test_a_container_that_is_gone_is_no_trouble(scene):
    async def work(limits: ComponentLimits) -> None:
        await limits.learn()
        rule = limits.open(WEB, None)
        await asyncio.to_thread(scene.start, rule, "odd", MemoryReservation=200 * MB)
        scene.names.append("gone")
        limits.change(WEB, LOW)
        await becomes(lambda: scene.limits("odd") == (64 * MB, 500_000_000), "it is limited")
        await becomes(lambda: not limits._tasks, "the work is over")
        assert "each container by itself" in (limits.trouble(WEB) or "")
        limits.change(WEB, None)
        await becomes(lambda: not limits._tasks, "the work is over")
        assert limits.trouble(WEB) is None

    scene.run(work, ControlGroups("none", NO_GROUPS))


def test_an_engine_that_is_away_is_told(scene):
    async def work(limits: ComponentLimits) -> None:
        await limits.learn()
        rule = limits.open(WEB, LOW)
        await asyncio.to_thread(scene.start, rule, "plain")
        await asyncio.to_thread(scene.lab.stop_engine)
        limits.change(WEB, None)
        await becomes(lambda: limits.trouble(WEB) is not None, "it is told")
        assert "cannot reach the Docker engine" in (limits.trouble(WEB) or "")
        await asyncio.to_thread(scene.lab.restart_engine)

    scene.run(work, ControlGroups("none", NO_GROUPS))


def test_a_limit_below_what_is_used_holds_once_that_is_possible(scene):
    holds_20_mb = (
        "busybox",
        "awk",
        'BEGIN { x = sprintf("%20000000s", "a"); system("sleep 600") }',
    )

    async def work(limits: ComponentLimits) -> None:
        await limits.learn()
        group = limits.groups.containers(WEB)
        if group.version == 2:
            return  # where the kernel ends what is too large
        rule = limits.open(WEB, None)
        await asyncio.to_thread(scene.start, rule, "large", holds_20_mb)
        await becomes(lambda: (group.usage().memory_bytes or 0) > 20_000_000, "it has its memory")
        limits.change(WEB, ResourceLimits(memory_kb=8 * 1024))
        assert "the containers use more than that now" in (limits.trouble(WEB) or "")
        assert limits.in_force(WEB).enforcement is Enforcement.EACH
        await asyncio.to_thread(scene.remove)
        await becomes(lambda: limits.in_force(WEB).enforcement is Enforcement.GROUP, "it holds")
        await becomes(lambda: limits.trouble(WEB) is None, "nothing is wrong any more")

    scene.run(work, clock=Hasty())
