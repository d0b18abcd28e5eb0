"""The control group of a component's containers: made, limited, measured and removed by the core.

Processes of this test stand for containers; the engine's part is in tests/containers.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from greendock.lifecycle.cgroup_mounts import Hierarchies
from greendock.lifecycle.cgroups import ControlGroups, detect
from greendock.lifecycle.container_groups import ContainerGroup, group_name
from greendock.lifecycle.group_usage import GroupUsage, read_v1_usage, read_v2_usage
from greendock.lifecycle.model import ResourceLimits
from greendock.lifecycle.process_usage import component_usage, processes_usage
from greendock.lifecycle.shared_groups import group_mounts, shares_groups
from lab.waiting import wait_until

CORE = f"test{os.getpid()}"
WEB = "com.example.Web"
KB = 1024


class Clock:
    """Counts the waits; `at_wait` is called at each."""

    def __init__(self, at_wait=lambda: None) -> None:
        self.seconds = 0.0
        self.waits = 0
        self.at_wait = at_wait

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.waits += 1
        self.seconds += seconds
        self.at_wait()


@pytest.fixture
def groups():
    found = detect(CORE)
    yield found
    group = found.containers(WEB)
    assert group is None or group.close()
    found.remove()


@pytest.fixture
def sleeper(groups):
    """A process in a container's group, as the engine makes them: `sleeper(name)`."""
    running: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(["sleep", "600"])
        running.append(process)
        for top in tops():
            folder = top / groups.containers(WEB).parent[1:] / name
            folder.mkdir(parents=True, exist_ok=True)
            try:
                (folder / "cgroup.procs").write_text(str(process.pid))
            except OSError:
                assert "cpuset" in str(folder)  # which needs values first
                folder.rmdir()
                folder.parent.rmdir()
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()


def tops() -> list[Path]:
    return [Path(mount) for mount in group_mounts(Path("/proc/self/mountinfo").read_text())]


def places(groups: ControlGroups) -> list[Path]:
    found = (top / groups.containers(WEB).parent[1:] for top in tops())
    return [place for place in found if place.is_dir()]


@pytest.mark.root
def test_limits_are_written_once_and_taken_off(groups):
    group = groups.containers(WEB)
    assert group is groups.containers(WEB)
    assert group.parent == f"/greendock/{CORE}/containers-{WEB}"
    group.limit(None)
    assert places(groups) == []  # the engine makes it with the first container
    group.limit(ResourceLimits(memory_kb=64 * KB, cpus=0.25))
    assert group.trouble is None
    assert places(groups)
    if group.version == 1:
        top = Path("/sys/fs/cgroup")
        memory = top / "memory" / group.parent[1:] / "memory.limit_in_bytes"
        quota = top / "cpu" / group.parent[1:] / "cpu.cfs_quota_us"
        assert (memory.read_text(), quota.read_text()) == ("67108864\n", "25000\n")
        group.limit(None)
        assert quota.read_text() == "-1\n"
    assert group.close()
    assert places(groups) == []


@pytest.mark.root
def test_the_groups_of_processes_do_not_count_containers(groups, sleeper):
    process = sleeper("one")
    assert groups.containers(WEB).holds_processes
    own = groups.group(WEB)
    assert own.members() == frozenset()
    own.kill()
    assert process.poll() is None
    assert groups.leftovers() == []


@pytest.mark.root
def test_a_group_goes_when_the_last_container_has_gone(groups, sleeper):
    process = sleeper("one")
    group = groups.containers(WEB)

    def end() -> None:
        process.kill()
        process.wait()

    clock = Clock(end)
    assert asyncio.run(group.close_when_empty(clock, 60))
    assert clock.waits >= 1
    assert places(groups) == []


@pytest.mark.root
def test_a_new_life_keeps_the_group_that_was_to_go(groups, sleeper):
    sleeper("one")
    group = groups.containers(WEB)
    clock = Clock(group.open)
    assert not asyncio.run(group.close_when_empty(clock, 60))
    assert clock.waits == 1
    assert places(groups)


@pytest.mark.root
def test_a_group_that_stays_in_use_is_given_up_after_a_while(groups, sleeper):
    sleeper("one")
    clock = Clock()
    assert not asyncio.run(groups.containers(WEB).close_when_empty(clock, 60))
    assert 60 <= clock.seconds < 70


@pytest.mark.root
def test_what_an_earlier_life_left_goes_unless_something_runs_in_it(groups, sleeper):
    sleeper("one")
    alive = places(groups)
    inner = alive[0] / "one" / "of-the-container"
    inner.mkdir()
    ended = [place / "two" for place in alive]
    for place in ended:
        place.mkdir()
    other = alive[0].parent / "containers-com.example.Gone"
    other.mkdir()
    groups.sweep_containers()
    assert not other.exists()
    assert not any(place.exists() for place in ended)
    assert inner.exists()  # a running container's own groups are not touched
    assert places(groups) == alive


@pytest.mark.root
def test_nothing_of_the_core_is_left_in_any_hierarchy():
    found = detect(f"{CORE}-gone")
    found.containers(WEB).limit(ResourceLimits(memory_kb=64 * KB))
    for top in tops():
        (top / found.containers(WEB).parent[1:]).mkdir(parents=True, exist_ok=True)
    found.remove()
    assert [t for t in tops() if (t / "greendock" / f"{CORE}-gone").exists()] == []


def test_only_a_core_at_the_top_offers_groups_to_the_engine(tmp_path):
    (tmp_path / "greendock").mkdir()
    v1 = {name: tmp_path / name for name in ("memory", "cpu", "freezer")}
    for folder in v1.values():
        folder.mkdir()
    assert ControlGroups("core", Hierarchies(v1=v1)).containers(WEB) is None
    assert ControlGroups("core", Hierarchies(v1=v1, are_tops=True)).containers(WEB) is not None
    assert ControlGroups("core", Hierarchies(are_tops=True)).containers(WEB) is None


def test_what_the_kernel_lacks_is_told(tmp_path):
    (tmp_path / "cpu" / "p").mkdir(parents=True)
    (tmp_path / "cpu" / "p" / "cpu.cfs_quota_us").touch()
    group = ContainerGroup("/p", Hierarchies(v1={"cpu": tmp_path / "cpu"}, are_tops=True), 1)
    group.limit(ResourceLimits(cpus=0.5))
    assert group.trouble is None
    assert (tmp_path / "cpu" / "p" / "cpu.cfs_quota_us").read_text() == "50000"
    group.limit(ResourceLimits(memory_kb=5, cpus=0.5))
    assert group.trouble == "the kernel has no control groups for memory"
    (tmp_path / "cpu" / "p" / "cpu.cfs_quota_us").unlink()
    group.limit(ResourceLimits(cpus=1))
    assert group.trouble == "cpu.cfs_quota_us cannot be set to 100000: No such file or directory"


def test_version_2_has_both_limits_in_one_folder(tmp_path):
    (tmp_path / "p").mkdir()
    for name in ("memory.max", "cpu.max"):
        (tmp_path / "p" / name).touch()
    group = ContainerGroup("/p", Hierarchies(tmp_path, are_tops=True), 2)
    group.limit(ResourceLimits(memory_kb=2, cpus=1.5))
    shown = [(tmp_path / "p" / name).read_text() for name in ("memory.max", "cpu.max")]
    assert shown == ["2048", "150000 100000"]


@pytest.mark.parametrize(
    ("component", "folder"),
    [(WEB, f"containers-{WEB}"), ("a" * 128, "containers-" + "a" * 128)],
)
def test_plain_names_are_readable(component, folder):
    assert group_name(component) == folder


@pytest.mark.parametrize("component", ["", "..", "a/b", "a:b", "ä", "a" * 129, "a\nb", ".a"])
def test_hostile_names_become_digests(component):
    name = group_name(component)
    assert name.removeprefix("containers-").isalnum()
    assert len(name) == len("containers-") + 16


def test_use_is_read_from_both_versions(tmp_path):
    (tmp_path / "cpuacct.usage").write_text("1500000000\n")
    (tmp_path / "memory.usage_in_bytes").write_text("1000\n")
    (tmp_path / "memory.stat").write_text("inactive_file 5\ntotal_inactive_file 300\nodd\n")
    assert read_v1_usage(tmp_path, tmp_path) == GroupUsage(1.5, 700)
    assert read_v1_usage(None, tmp_path) == GroupUsage(0.0, 700)
    assert read_v1_usage(tmp_path, None) == GroupUsage(1.5, None)
    assert read_v1_usage(tmp_path / "none", tmp_path / "none") is None
    (tmp_path / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    assert read_v2_usage(tmp_path) == GroupUsage(2.5, None)
    (tmp_path / "memory.current").write_text("100\n")
    (tmp_path / "memory.stat").write_text("inactive_file 300\n")
    assert read_v2_usage(tmp_path) == GroupUsage(2.5, 0)
    assert read_v2_usage(tmp_path / "none") is None


def test_what_processes_use_is_summed():
    script = "x = bytearray(30_000_000)\nwhile True: pass"
    busy = subprocess.Popen([sys.executable, "-c", script])
    try:
        wait_until(lambda: processes_usage([busy.pid]).cpu_s > 0.2, "it has used the processor")
        used = processes_usage([busy.pid, 2**22 + 1])
        assert used.processes == 1
        assert used.memory_bytes > 30_000_000
        both = processes_usage([busy.pid, os.getpid()])
        assert both.processes == 2
        assert both.memory_bytes > used.memory_bytes
    finally:
        busy.kill()
        busy.wait()


@pytest.mark.root
def test_a_components_processes_are_found_by_their_group(groups):
    process = subprocess.Popen(["sleep", "600"])
    group = groups.group(WEB)
    try:
        group.attach(process.pid)
        used = component_usage(CORE, WEB, groups)
        assert used.processes == 1
        assert used.memory_bytes > 0
    finally:
        process.kill()
        process.wait()
        group.remove()


class Server:
    """A Unix socket of this process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        connection.close()

    def close(self) -> None:
        self._thread.join(20)
        self._socket.close()


def test_an_engine_on_this_machine_shares_the_groups(tmp_path):
    server = Server(tmp_path / "socket")
    assert shares_groups(str(server.path), os.uname().nodename)
    server.close()


def test_what_is_not_surely_here_does_not(tmp_path):
    server = Server(tmp_path / "socket")
    assert not shares_groups(str(server.path), "another-machine")
    assert not shares_groups(str(tmp_path / "none"), os.uname().nodename)
    assert shares_groups(str(server.path), os.uname().nodename)
    server.close()


def test_hierarchies_that_show_something_else_are_others():
    line = "32 31 0:29 {} /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
    own, theirs = group_mounts(line.format("/")), group_mounts(line.format("/docker/abc"))
    assert own == {"/sys/fs/cgroup/cpu": ("0:29", "/")}
    assert own != theirs
    assert group_mounts("22 1 0:5 / /proc rw - proc proc rw\nodd\n\n") == {}
