"""Forking, daemonising and session-changing children end with their component.

Each case runs in every way of tracking that this machine can offer: control groups v2, v1, none.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from greendock.lifecycle.cgroup_mounts import Hierarchies, read_hierarchies
from greendock.lifecycle.cgroups import ControlGroups
from greendock.lifecycle.environment import OWNER_VARIABLE, owner_mark
from greendock.lifecycle.model import ResourceLimits
from greendock.lifecycle.orphans import become_subreaper, reap_orphans
from greendock.lifecycle.process import Launch, start
from greendock.lifecycle.process_tree import ProcessTree
from greendock.lifecycle.procfs import read_process
from greendock.lifecycle.users import Users

CORE = f"test{os.getpid()}"
COMPONENT = "com.example.A"

SCRIPTS = {
    "plain": "sleep 600 & echo $! > $OUT/a; sleep 600",
    "ignores SIGTERM": "trap '' TERM; sleep 600 & echo $! > $OUT/a; while :; do sleep 1; done",
    "own session": "setsid sh -c 'echo $$ > $OUT/a; exec sleep 600' & sleep 600",
    "double fork": "(setsid sh -c 'sleep 600 & echo $! > $OUT/a' &) ; sleep 600",
    "environment cleared": 'env -i setsid sh -c "echo \\$\\$ > $OUT/a; sleep 600" & sleep 600',
    "shell gone": "sleep 600 & echo $! > $OUT/a; exit 0",
}


def _machine() -> Hierarchies:
    return read_hierarchies(
        Path("/proc/self/mountinfo").read_text(),
        Path("/proc/self/cgroup").read_text(),
        at_top=os.geteuid() == 0,
    )


def _trackings() -> list[str]:
    found = ["none"]
    there = _machine()
    for name, alone in (("v2", Hierarchies(v2=there.v2)), ("v1", Hierarchies(v1=there.v1))):
        groups = ControlGroups(f"{CORE}-probe", alone)
        if groups.are_usable:
            found.append(name)
            groups.remove()
    return found


@pytest.fixture(params=_trackings())
def tree(request):
    become_subreaper()
    there = _machine()
    chosen = {
        "none": Hierarchies(),
        "v2": Hierarchies(v2=there.v2),
        "v1": Hierarchies(v1=there.v1),
    }[request.param]
    groups = ControlGroups(CORE, chosen)
    tree = ProcessTree(CORE, COMPONENT, groups.group(COMPONENT))
    yield tree
    tree.group = None
    asyncio.run(tree.end(0))
    groups.group(COMPONENT) and groups.group(COMPONENT).remove()
    groups.remove()


def _launch(script: str, folder: Path, **environment: str) -> Launch:
    mark = {OWNER_VARIABLE: owner_mark(CORE, COMPONENT)}
    variables = {"PATH": os.environ["PATH"], "OUT": str(folder), **mark, **environment}
    return Launch("/bin/sh", script, folder, variables, Users().own())


async def close(script) -> None:
    await script.wait()
    script.close()


def _gone(pid: int) -> bool:
    process = read_process(pid)
    return process is None or process.zombie


async def _until(condition, within_s: float = 20) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("kind", SCRIPTS)
def test_children_die_with_the_component(tree, tmp_path, kind):
    async def scenario():
        script = start(_launch(SCRIPTS[kind], tmp_path), tree, lambda *_: None)
        note = tmp_path / "a"
        await _until(lambda: note.exists() and note.read_text().endswith("\n"))
        child = int(note.read_text())
        if kind == "shell gone":
            assert await script.wait() == 0
        assert not _gone(child)
        survivors = await tree.end(0.3, script.pid)
        await close(script)
        assert survivors == frozenset()
        assert _gone(child)
        assert _gone(script.pid)

    asyncio.run(scenario())


def test_the_end_comes_as_soon_as_all_are_gone(tree, tmp_path):
    async def scenario():
        script = start(_launch("touch up; exec sleep 600", tmp_path), tree, lambda *_: None)
        await _until((tmp_path / "up").exists)
        async with asyncio.timeout(60):
            await tree.end(3600, script.pid)
        assert await script.wait() == 128 + signal.SIGTERM
        await close(script)

    asyncio.run(scenario())


def test_a_trap_may_clean_up_within_the_grace(tree, tmp_path):
    async def scenario():
        text = (
            "trap 'sleep 0.1; touch cleaned; exit 0' TERM; touch up; while :; do sleep 0.05; done"
        )
        script = start(_launch(text, tmp_path), tree, lambda *_: None)
        await _until((tmp_path / "up").exists)
        await tree.end(30, script.pid)
        await close(script)
        assert (tmp_path / "cleaned").exists()

    asyncio.run(scenario())


def test_a_shell_does_not_go_on_to_its_next_command(tree, tmp_path):
    async def scenario():
        text = "touch up; sleep 600; touch next"
        script = start(_launch(text, tmp_path), tree, lambda *_: None)
        await _until((tmp_path / "up").exists)
        await tree.end(30, script.pid)
        await close(script)
        assert not (tmp_path / "next").exists()

    asyncio.run(scenario())


def test_adopted_orphans_are_buried(tree, tmp_path):
    async def scenario():
        text = "(sleep 0.05 & echo $! > a) & wait; sleep 600"
        script = start(_launch(text, tmp_path), tree, lambda *_: None)
        note = tmp_path / "a"
        await _until(lambda: note.exists() and note.read_text().endswith("\n"))
        orphan = int(note.read_text())
        await _until(lambda: reap_orphans() or read_process(orphan) is None)
        await _until(lambda: read_process(orphan) is None)
        await tree.end(5, script.pid)
        await close(script)

    asyncio.run(scenario())


def test_another_components_processes_stay(tree, tmp_path):
    async def scenario():
        other = ProcessTree(CORE, "com.example.Other", None)
        launch = _launch("exec sleep 600", tmp_path, GREENDOCK_OWNER=f"{CORE}/com.example.Other")
        stays = start(launch, other, lambda *_: None)
        ends = start(_launch("exec sleep 600", tmp_path), tree, lambda *_: None)
        await tree.end(5, ends.pid)
        assert not _gone(stays.pid)
        await other.end(5, stays.pid)
        await close(stays)
        await close(ends)
        assert _gone(stays.pid)

    asyncio.run(scenario())


def test_output_is_complete_and_in_order(tree, tmp_path):
    async def scenario():
        lines: list[tuple[str, str]] = []
        text = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; printf 'no end'"
        script = start(_launch(text, tmp_path), tree, lambda s, line: lines.append((s, line)))
        assert await script.wait() == 0
        await _until(lambda: lines and lines[-1] == ("stdout", "no end"))
        assert [line for _, line in lines] == [*(f"line {i}" for i in range(20000)), "no end"]
        await tree.end(1)
        await close(script)

    asyncio.run(scenario())


def test_bytes_that_are_not_text_are_replaced(tree, tmp_path):
    async def scenario():
        lines: list[str] = []
        text = r"printf 'a\377b\nc\n'"
        script = start(_launch(text, tmp_path), tree, lambda _, line: lines.append(line))
        await script.wait()
        assert lines == ["a\ufffdb", "c"]
        await tree.end(1)
        await close(script)

    asyncio.run(scenario())


def test_stdin_is_empty_and_the_command_line_is_the_plain_one(tree, tmp_path):
    async def scenario():
        lines: list[str] = []
        text = "cat; readlink /proc/self/fd/0; tr '\\0' '|' < /proc/$$/cmdline"
        script = start(_launch(text, tmp_path), tree, lambda _, line: lines.append(line))
        await script.wait()
        await tree.end(1)
        await close(script)
        assert lines == ["/dev/null", f"/bin/sh|-c|{text}|"]

    asyncio.run(scenario())


@pytest.mark.root
def test_limits_reach_the_kernel_and_are_taken_off_again(rig, spec):
    async def scenario():
        from greendock.lifecycle.model import RunWith

        def limited(*limits) -> object:
            value = ResourceLimits(*limits) if limits else None
            return spec(run="exec sleep 600", run_with=RunWith("root", value))

        async with rig() as core:
            await core.deploy(limited(65536, 0.5))
            pid = core.supervisor.view("com.example.A").pid
            if not core.supervisor._host.groups._limiting:
                pytest.fail("root without memory and cpu controllers")
            assert _limits_of(pid) == (65536 * 1024, 0.5)
            assert core.supervisor.update({"com.example.A": limited(131072, 1.5)}) == frozenset()
            assert core.supervisor.view("com.example.A").pid == pid
            assert _limits_of(pid) == (131072 * 1024, 1.5)
            core.supervisor.update({"com.example.A": limited()})
            assert _limits_of(pid) == (None, None)

    asyncio.run(scenario())


def _limits_of(pid: int) -> tuple[int | None, float | None]:
    """Memory in bytes and CPUs, as the kernel has them."""
    groups = dict(
        line.split(":", 2)[1:] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    )
    top = Path("/sys/fs/cgroup")
    if (top / "cgroup.controllers").exists():
        folder = top / groups[""].lstrip("/")
        memory = (folder / "memory.max").read_text().strip()
        quota, period = (folder / "cpu.max").read_text().split()
    else:
        memory = (
            top / "memory" / groups["memory"].lstrip("/") / "memory.limit_in_bytes"
        ).read_text()
        cpu = top / "cpu" / groups["cpu"].lstrip("/")
        quota = (cpu / "cpu.cfs_quota_us").read_text().strip()
        period = (cpu / "cpu.cfs_period_us").read_text()
    unlimited = memory.strip() == "max" or int(memory) > 1 << 60
    return (
        None if unlimited else int(memory),
        None if quota in ("max", "-1") else int(quota) / int(period),
    )


def test_a_new_life_of_the_core_ends_what_the_old_one_left(rig, spec, open_root):
    async def scenario():
        name = "com.example.A"
        async with rig() as core:
            await core.deploy(spec(run="exec sleep 600", startup=None))
            left = core.supervisor.view(name).pid
            # A second core on the same root, as after a kill -9 of the first one.
            async with rig(open_root) as second:
                await _until(lambda: _gone(left))
                assert second.supervisor.views() == []
            await core.until(lambda: "ERRORED" in core.states(name))

    asyncio.run(scenario())


def test_stop_all_ends_by_force_what_takes_too_long(rig, spec):
    async def scenario():
        async with rig(grace_s=3600.0) as core:
            await core.deploy(spec(run="trap '' TERM; touch up; while :; do sleep 1; done"))
            await core.until((core.work("com.example.A") / "up").exists)
            pid = core.supervisor.view("com.example.A").pid
            async with asyncio.timeout(60):
                await core.supervisor.stop_all(0.2)
            assert _gone(pid)

    asyncio.run(scenario())
