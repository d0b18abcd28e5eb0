"""What a component uses is the sum of its processes and containers, from whoever can tell."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from dataclasses import dataclass, field

import pytest

from greendock.base.clock import SystemClock
from greendock.daemon.component_stats import ComponentStatistics, StatsSources
from greendock.docker.containers.labels import Owner
from greendock.docker.containers.limit_updates import ContainerLimits
from greendock.docker.containers.model import GenerationState, OwnedContainer, Phase
from greendock.docker.engine.client import Engine
from greendock.docker.engine.container_stats import ContainerUsage, read_container_stats
from greendock.docker.errors import ContainerFailed, EngineUnavailable
from greendock.lifecycle.cgroup_mounts import Hierarchies
from greendock.lifecycle.cgroups import ControlGroups, detect
from greendock.lifecycle.model import ResourceLimits
from lab.connections import connections_end
from lab.waiting import wait_until

WEB, DB = "com.example.Web", "com.example.Db"
CORE = f"test{os.getpid()}"
NO_GROUPS = ControlGroups("none", Hierarchies())


def container(container_id: str, phase: Phase = Phase.RUNNING, parent="", restarts=0):
    owner = Owner("core", WEB, "1.0.0", "life")
    return OwnedContainer(
        container_id, container_id, owner, phase, restarts=restarts, cgroup_parent=parent
    )


@dataclass
class Meter:
    """An engine's answers."""

    used: dict[str, ContainerUsage] = field(default_factory=dict)
    failure: Exception | None = None
    asked: list[str] = field(default_factory=list)

    async def usage(self, container_ids):
        self.asked += container_ids
        if self.failure is not None:
            raise self.failure
        return self.used


def measure(states, meter, groups=NO_GROUPS, limits=None, names=(WEB,)):
    sources = StatsSources(CORE, lambda: groups, lambda _: limits, states.get, lambda: meter)
    return asyncio.run(ComponentStatistics(sources).measure(names))


def test_what_runs_is_asked_for_where_it_changes():
    asked = []

    def limits(name):
        asked.append((name, threading.current_thread() is threading.main_thread()))

    sources = StatsSources(CORE, lambda: NO_GROUPS, limits, lambda _: None, Meter)
    asyncio.run(ComponentStatistics(sources).measure((WEB, DB)))
    assert asked == [(WEB, True), (DB, True)]


def test_containers_add_to_the_processes():
    meter = Meter({"a": ContainerUsage(2.0, 100), "b": ContainerUsage(3.0, 200)})
    those = (container("a", restarts=2), container("b"), container("c", Phase.EXITED, restarts=1))
    found = measure({WEB: GenerationState(containers=those)}, meter)[WEB]
    assert meter.asked == ["a", "b"]
    assert (found.cpu_s, found.memory_bytes) == (5.0, 300)
    assert (found.containers, found.container_restarts, found.processes) == (2, 3, 0)
    assert found.missing is None


def test_components_without_containers_ask_no_engine():
    meter = Meter()
    limits = ResourceLimits(memory_kb=1000, cpus=0.5)
    found = measure({DB: GenerationState()}, meter, limits=limits, names=(WEB, DB))
    assert set(found) == {WEB, DB}
    assert meter.asked == []
    assert (found[WEB].memory_limit_bytes, found[WEB].cpu_limit) == (1_024_000, 0.5)


def test_an_engine_that_is_away_is_told_and_the_rest_is_there():
    meter = Meter(failure=EngineUnavailable("cannot reach the Docker engine"))
    found = measure({WEB: GenerationState(containers=(container("a"),))}, meter, names=(WEB, DB))
    assert found[WEB].missing == "without 1 of its containers: cannot reach the Docker engine"
    assert found[WEB].containers == 1
    assert found[DB].missing is None


def test_one_that_ends_meanwhile_is_no_trouble():
    found = measure({WEB: GenerationState(containers=(container("a"),))}, Meter())[WEB]
    assert (found.missing, found.cpu_s) == (None, 0.0)


def test_a_core_that_has_not_started_measures_nothing():
    assert measure({}, Meter(), groups=None) == {}


V1 = b"""{"cpu_stats": {"cpu_usage": {"total_usage": 1500000000}},
 "memory_stats": {"usage": 1000, "stats": {"total_inactive_file": 300, "inactive_file": 10}}}"""
V2 = b"""{"cpu_stats": {"cpu_usage": {"total_usage": 2000000000, "percpu_usage": null}},
 "memory_stats": {"usage": 1000, "stats": {"inactive_file": 400, "file": 500}}}"""


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        (V1, ContainerUsage(1.5, 700)),
        (V2, ContainerUsage(2.0, 600)),
        (b'{"memory_stats": {"usage": 5, "stats": null}}', ContainerUsage(0.0, 5)),
        (b'{"memory_stats": {"usage": 5, "stats": {"inactive_file": 9}}}', ContainerUsage(0.0, 0)),
        (b'{"memory_stats": {}, "cpu_stats": null}', ContainerUsage(0.0, None)),
        (b"{}", ContainerUsage(0.0, None)),
    ],
)
def test_both_shapes_of_the_engines_answer_are_read(body, usage):
    assert read_container_stats(body) == usage


def test_an_answer_that_is_none_is_an_error():
    with pytest.raises(ContainerFailed, match="cannot read what the engine measures"):
        read_container_stats(b"<html>")


def ask_engine(lab, *container_ids):
    async def work():
        engine = Engine.from_environment(lab.docker_host, {})
        try:
            return await ContainerLimits(engine).usage(container_ids)
        finally:
            await engine.close()
            await connections_end()

    return asyncio.run(work())


@pytest.fixture
def holder(lab):
    """A container that holds 20 MB, in the group that it is given."""
    lab.reset()
    script = 'BEGIN { x = sprintf("%20000000s", "a"); system("sleep 600") }'
    started = []

    def start(*options: str) -> str:
        command = ("run", "--detach", *options, "mysql:8.0", "busybox", "awk", script)
        result = lab.docker(*command)
        assert result.returncode == 0, result.stderr
        started.append(result.stdout.strip())
        return started[-1]

    yield start
    for name in started:
        lab.docker("rm", "--force", name)


def test_a_real_engine_measures(lab, holder):
    one = holder()
    wait_until(
        lambda: (ask_engine(lab, one)[one].memory_bytes or 0) > 20_000_000,
        "the container's memory shows",
    )
    assert ask_engine(lab, one, "gone")[one].cpu_s > 0
    assert set(ask_engine(lab, one, "gone")) == {one}


@pytest.mark.root
def test_the_components_own_group_is_measured_without_the_engine(lab, holder):
    groups = detect(CORE)
    group = groups.containers(WEB)
    process = subprocess.Popen(["sleep", "600"])
    try:
        groups.group(WEB).attach(process.pid)
        one = holder(f"--cgroup-parent={group.parent}")
        wait_until(lambda: (group.usage().memory_bytes or 0) > 20_000_000, "its memory shows")
        meter = Meter({"other": ContainerUsage(100.0, 1_000_000_000)})
        inside, outside = container(one, parent=group.parent), container("other")
        states = {WEB: GenerationState(containers=(inside, outside))}
        found = measure(states, meter, groups)[WEB]
        assert meter.asked == ["other"]
        assert found.memory_bytes > 1_020_000_000
        assert found.cpu_s > 100.0
        assert (found.processes, found.containers) == (1, 2)
    finally:
        process.kill()
        process.wait()
        groups.group(WEB).remove()
        lab.docker("rm", "--force", one)
        asyncio.run(group.close_when_empty(SystemClock(), 20))
        groups.remove()
