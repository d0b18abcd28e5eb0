"""A paused component does nothing and stays RUNNING; whatever ends that state has it go on first.

Each case that tracks processes runs in every way that this machine can offer.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest
from owned_containers import FakeEngine

from greendock.base.errors import GreendockError, LifecycleError, UsageError
from greendock.lifecycle.cgroup_mounts import Hierarchies, read_hierarchies
from greendock.lifecycle.cgroups import ControlGroup, ControlGroups
from greendock.lifecycle.model import ResourceLimits, RunWith, State
from greendock.lifecycle.ports import ContainerOwner
from greendock.lifecycle.procfs import read_process
from greendock.lifecycle.standstill import Standstill
from greendock.recipe.model import Step

A = "com.example.A"
TICKS = "while :; do echo tick >> ticks; sleep 0.01; done"


def machine() -> Hierarchies:
    return read_hierarchies(
        Path("/proc/self/mountinfo").read_text(),
        Path("/proc/self/cgroup").read_text(),
        at_top=os.geteuid() == 0,
    )


def ways() -> dict[str, Hierarchies]:
    """Ways of tracking processes that this machine has."""
    there = machine()
    found = {"none": Hierarchies()}
    for name, alone in (("v2", Hierarchies(v2=there.v2)), ("v1", Hierarchies(v1=there.v1))):
        groups = ControlGroups(f"test{os.getpid()}-probe", alone)
        if groups.are_usable:
            found[name] = alone
            groups.remove()
    return found


@pytest.fixture(params=ways())
def tracked(request):
    """A way of tracking; the rig of the test tracks by it."""
    return request.param


@pytest.fixture
def rig(rig, request):
    if "tracked" not in request.fixturenames:
        return rig
    chosen = ways()[request.getfixturevalue("tracked")]
    return partial(rig, detect_groups=lambda core: ControlGroups(core, chosen))


@dataclass
class FakeContainers:
    """The Containers port: says what it was asked, and fails or waits where a test wants it."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    owners: list[ContainerOwner] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    gate: asyncio.Event | None = None
    observe: Callable[[str], None] = lambda _: None

    async def pause(self, owner: ContainerOwner) -> None:
        self.owners.append(owner)
        await self._do("pause", owner.spec.name)

    async def resume(self, component: str) -> None:
        await self._do("resume", component)

    def release(self, component: str) -> None:
        self.asked.append(("release", component))

    async def _do(self, verb: str, component: str) -> None:
        self.asked.append((verb, component))
        self.observe(verb)
        if self.gate is not None and verb == "pause":
            await self.gate.wait()
        if verb in self.failing:
            raise GreendockError(f"the engine says no to {verb}", codes=("DOCKER_ERROR",))
        if f"{verb} oddly" in self.failing:
            raise RuntimeError("a fault of the program")


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


async def grows(core, path: Path) -> None:
    before = size(path)
    await core.until(lambda: size(path) > before)


async def stands_still(core, *pids: int) -> None:
    """None of the processes uses the processor any more, by the kernel's own count."""

    def spent() -> list[str]:
        return [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2] for pid in pids]

    before = spent()
    for _ in range(20):
        await asyncio.sleep(0)
        assert [line.split()[11:13] for line in spent()] == [x.split()[11:13] for x in before]


def test_its_containers_are_told_by_the_life_that_they_carry(rig, spec):
    fake, engine = FakeContainers(), FakeEngine()

    async def scenario():
        async with rig(containers=fake, owned=engine) as core:
            await core.deploy(spec(run="sleep 600"))
            await core.supervisor.pause(A)

    asyncio.run(scenario())
    assert [owner.life_id for owner in fake.owners] == list(engine.lives)
    assert all(engine.lives)


def test_processes_stand_still_and_go_on(rig, spec, tracked):
    async def scenario():
        async with rig() as core:
            await core.deploy(spec(run=f"({TICKS}) & wait"))
            ticks = core.work(A) / "ticks"
            await grows(core, ticks)
            await core.supervisor.pause(A)
            view = core.supervisor.view(A)
            assert (view.state, view.is_paused) == (State.RUNNING, True)
            held = size(ticks)
            await stands_still(core, view.pid)
            await core.supervisor.pause(A)  # once more changes nothing
            assert size(ticks) == held
            await core.supervisor.resume(A)
            assert not core.supervisor.view(A).is_paused
            await grows(core, ticks)
            assert core.states(A)[-1] == "RUNNING"

    asyncio.run(scenario())


def test_all_of_many_forking_processes_stand_still(rig, spec, tracked):
    """Each loop forks on and on: one that was missed would write on."""
    script = f"for i in 1 2 3 4; do ({TICKS}) & done; wait"

    async def scenario():
        async with rig() as core:
            await core.deploy(spec(run=script))
            ticks = core.work(A) / "ticks"
            for _ in range(3):
                await grows(core, ticks)
                await core.supervisor.pause(A)
                held = size(ticks)
                # What could still run has run by the time that a new process has.
                await asyncio.to_thread(subprocess.run, ["true"], check=True)
                assert size(ticks) == held
                await core.supervisor.resume(A)

    asyncio.run(scenario())


@pytest.mark.parametrize("action", ["stop", "restart", "remove", "upgrade", "report", "stop_all"])
def test_what_ends_a_component_resumes_it_first(rig, spec, tracked, action):
    fake = FakeContainers()

    async def scenario():
        async with rig(containers=fake) as core:
            run = f"trap 'echo heard >> heard; exit 0' TERM; {TICKS}"
            await core.deploy(spec(run=run, shutdown="echo down >> down"))
            ticks = core.work(A) / "ticks"
            await grows(core, ticks)
            await core.supervisor.pause(A)
            fake.asked.clear()
            match action:
                case "stop" | "restart":
                    getattr(core.supervisor, action)(A)
                    await core.until(lambda: "STOPPING" in core.states(A))
                case "remove":
                    await core.supervisor.remove([A])
                case "upgrade":
                    await core.deploy(spec(version="2.0.0", run=TICKS))
                case "report":
                    core.supervisor.request_state(A, State.ERRORED)
                    await core.until(lambda: core.states(A).count("RUNNING") == 2)
                case _:
                    await core.supervisor.stop_all(20)
            assert fake.asked == [("resume", A)]
            await core.until(lambda: (core.work(A) / "heard").exists())
            assert (core.work(A) / "down").exists()
            if action == "restart":
                await core.until(lambda: core.states(A)[-1] == "RUNNING")
            view = core.supervisor.view(A)
            assert view is None or not view.is_paused

    asyncio.run(scenario())


def test_a_note_of_a_deployment_leaves_it_paused(rig, spec):
    async def scenario():
        async with rig() as core:
            first = spec(run=TICKS)
            await core.deploy(first)
            await core.supervisor.pause(A)
            limits = ResourceLimits(memory_kb=500_000)
            await core.deploy(replace(first, run_with=RunWith(limits=limits)))
            assert core.supervisor.view(A).is_paused
            await core.supervisor.resume(A)
            await grows(core, core.work(A) / "ticks")

    asyncio.run(scenario())


def test_only_what_runs_is_paused_and_only_what_is_paused_is_resumed(rig, spec):
    async def scenario():
        async with rig() as core:
            await core.deploy(
                spec(run=TICKS),
                spec("com.example.Done", run="true"),
                spec("com.example.Core", resident=True, built_in=True),
            )
            await core.until(lambda: core.state("com.example.Done") is State.FINISHED)
            supervisor = core.supervisor
            for action, name, text in (
                (supervisor.pause, "com.example.Done", "only a RUNNING component"),
                (supervisor.pause, "com.example.Core", "part of the core"),
                (supervisor.resume, "com.example.Core", "part of the core"),
                (supervisor.pause, "com.example.None", "no such component"),
                (supervisor.resume, A, "is not paused"),
            ):
                with pytest.raises(UsageError, match=text):
                    await action(name)
            assert not core.supervisor.view(A).is_paused

    asyncio.run(scenario())


def test_containers_come_after_processes_and_before_them_again(rig, spec):
    fake = FakeContainers()
    seen: list[tuple[str, bool]] = []

    async def scenario():
        async with rig(containers=fake) as core:
            await core.deploy(spec(run=TICKS))
            group = core.supervisor._host.groups.group(A)
            fake.observe = lambda verb: seen.append((verb, group.is_frozen))
            await core.supervisor.pause(A)
            await core.supervisor.resume(A)
            owner = fake.owners[0]
            assert owner.spec.name == A
            assert owner.began_at_s > 0
            assert len(owner.token_digest) == 32
            assert "token" not in repr(owner).replace("token_digest", "")

    asyncio.run(scenario())
    if "v2" in ways() or "v1" in ways():
        assert seen == [("pause", True), ("resume", True)]


def test_a_pause_that_fails_halfway_is_undone(rig, spec, tracked):
    fake = FakeContainers(failing={"pause"})

    async def scenario():
        async with rig(containers=fake) as core:
            await core.deploy(spec(run=TICKS))
            with pytest.raises(LifecycleError, match="cannot pause the containers") as failed:
                await core.supervisor.pause(A)
            assert failed.value.codes == ("DOCKER_ERROR",)
            assert fake.asked == [("pause", A), ("resume", A)]
            assert not core.supervisor.view(A).is_paused
            await grows(core, core.work(A) / "ticks")
            # Nor can the undoing be done now: it is left to do for later.
            fake.failing.add("resume")
            with pytest.raises(LifecycleError, match="cannot pause the containers"):
                await core.supervisor.pause(A)
            assert fake.asked[-1] == ("release", A)
            await grows(core, core.work(A) / "ticks")

    asyncio.run(scenario())


def test_a_resume_that_fails_leaves_it_paused_as_a_whole(rig, spec):
    fake = FakeContainers(failing={"resume"})

    async def scenario():
        async with rig(containers=fake) as core:
            await core.deploy(spec(run=TICKS))
            await core.supervisor.pause(A)
            with pytest.raises(LifecycleError, match="cannot resume the containers"):
                await core.supervisor.resume(A)
            assert core.supervisor.view(A).is_paused
            assert fake.asked == [("pause", A), ("resume", A), ("pause", A)]
            # It can be stopped all the same.
            core.supervisor.stop(A)
            await core.until(lambda: core.states(A)[-1] == "FINISHED")
            assert fake.asked[-1] == ("release", A)

    asyncio.run(scenario())


def test_no_fault_of_the_program_leaves_processes_frozen(rig, spec, tracked):
    fake = FakeContainers(failing={"resume oddly"})

    async def scenario():
        async with rig(containers=fake) as core:
            await core.deploy(spec(run=TICKS))
            await core.supervisor.pause(A)
            core.supervisor.stop(A)
            await core.until(lambda: core.states(A)[-1] == "FINISHED")
            assert "ERRORED" not in core.states(A)
            assert fake.asked[-1] == ("release", A)

    asyncio.run(scenario())


def test_a_stop_gives_up_a_pause_that_is_not_done(rig, spec):
    fake = FakeContainers()

    async def scenario():
        async with rig(containers=fake) as core:
            fake.gate = asyncio.Event()
            await core.deploy(spec(run=TICKS))
            pausing = asyncio.create_task(core.supervisor.pause(A))
            await core.until(lambda: fake.asked == [("pause", A)])
            core.supervisor.stop(A)
            with pytest.raises(UsageError, match="about to stop"):
                await pausing
            await core.until(lambda: core.states(A)[-1] == "FINISHED")
            assert fake.asked == [("pause", A), ("resume", A)]

    asyncio.run(scenario())


def test_who_asked_may_go_away(rig, spec):
    fake = FakeContainers()

    async def scenario():
        async with rig(containers=fake) as core:
            fake.gate = asyncio.Event()
            await core.deploy(spec(run=TICKS))
            pausing = asyncio.create_task(core.supervisor.pause(A))
            await core.until(lambda: fake.asked == [("pause", A)])
            pausing.cancel()
            await asyncio.gather(pausing, return_exceptions=True)
            fake.gate.set()
            await core.until(lambda: core.supervisor.view(A).is_paused)
            await core.supervisor.resume(A)

    asyncio.run(scenario())


class HandClock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.time + seconds, future))
        await future

    def pass_by(self, seconds: float) -> None:
        self.time += seconds
        for end, future in self.sleepers:
            if end <= self.time and not future.done():
                future.set_result(None)


def test_the_time_of_a_run_does_not_count_while_it_is_paused(rig, spec):
    clock = HandClock()

    async def scenario():
        async with rig(clock=clock) as core:
            await core.deploy(spec(run=Step(TICKS, timeout_s=100)))
            clock.pass_by(60)
            await core.supervisor.pause(A)
            clock.pass_by(1000)
            await core.supervisor.resume(A)
            await grows(core, core.work(A) / "ticks")
            clock.pass_by(39)
            await grows(core, core.work(A) / "ticks")
            assert core.states(A)[-1] == "RUNNING"
            clock.pass_by(2)
            await core.until(lambda: "ERRORED" in core.states(A))
            assert core.codes(A) == ["RUN_TIMEOUT"]

    asyncio.run(scenario())


class StubbornGroup(ControlGroup):
    """A group whose freezer never gets there, as with a process that waits for a disk."""

    @property
    def is_frozen(self) -> bool:
        return False


@pytest.mark.parametrize("way", [x for x in ways() if x != "none"])
def test_what_does_not_stand_still_in_time_goes_on(rig, spec, way):
    groups = partial(ControlGroups, hierarchies=ways()[way])

    async def scenario():
        async with rig(detect_groups=groups) as core:
            await core.deploy(spec(run=TICKS))
            tree = core.supervisor._components[A]._lifetime._scripts.tree
            group = tree.group
            tree.group = StubbornGroup(group._tracked, group._v2, group._limited)
            with pytest.raises(LifecycleError, match="did not stand still"):
                await Standstill(tree, 0.05).begin()
            tree.group = group
            assert not group.is_frozen
            await grows(core, core.work(A) / "ticks")

    asyncio.run(scenario())


def test_a_process_that_was_stopped_by_others_stays_so(rig, spec):
    groups = partial(ControlGroups, hierarchies=Hierarchies())

    async def scenario():
        async with rig(detect_groups=groups) as core:
            await core.deploy(spec(run=f"sleep 600 & echo $! > child; {TICKS}"))
            note = core.work(A) / "child"
            await core.until(lambda: size(note) > 0)
            child = int(note.read_text())
            os.kill(child, signal.SIGSTOP)
            await core.until(lambda: read_process(child).stopped)
            await core.supervisor.pause(A)
            await core.supervisor.resume(A)
            await grows(core, core.work(A) / "ticks")
            assert read_process(child).stopped

    asyncio.run(scenario())


_KILLED = """
import asyncio, os, signal, sys
sys.path[:0] = {path!r}
from pathlib import Path
from conftest import Rig, Settings, Shared, Tokens
from greendock.base.clock import SystemClock
from greendock.base.events import Bus
from greendock.base.logs import ComponentLogs
from greendock.base.paths import Paths
from greendock.lifecycle.cgroup_mounts import Hierarchies, read_hierarchies
from greendock.lifecycle.cgroups import ControlGroups
from greendock.lifecycle.model import ComponentSpec
from greendock.lifecycle.supervisor import Supervisor
from greendock.recipe.model import Step, Steps

there = read_hierarchies(Path("/proc/self/mountinfo").read_text(),
                         Path("/proc/self/cgroup").read_text(), at_top=os.geteuid() == 0)
chosen = {{"none": Hierarchies(), "v2": Hierarchies(v2=there.v2), "v1": Hierarchies(v1=there.v1)}}
detect = lambda core: ControlGroups(core, chosen[{way!r}])

async def main():
    paths = Paths(Path({root!r}))
    paths.create()
    supervisor = Supervisor(paths, Bus(), SystemClock(), ComponentLogs(paths.logs), Settings(),
                            Tokens(), Shared(), detect_groups=detect)
    await supervisor.start()
    name = "com.example.A"
    spec = ComponentSpec(name, "1.0.0", Steps(run=Step({script!r})))
    touched = supervisor.update({{name: spec}})
    await supervisor.wait_settled(touched, 20)
    note = paths.work_folder(name) / "pids"
    while not note.exists() or len(note.read_text().split()) < 2:
        await asyncio.sleep(0.01)
    await supervisor.pause(name)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def test_a_core_that_was_killed_leaves_nothing_frozen(rig, spec, tracked, open_root):
    """The next start has them hear the signal: they go on, and end as they would have."""
    script = (
        # Its errors go nowhere: the core that read them is gone.
        "exec 2>/dev/null; trap 'echo heard >> heard; exit 0' TERM; "
        f"(echo $$ >> pids; env -i sleep 600) & echo $! >> pids; {TICKS}"
    )
    path = [str(Path(__file__).parent), *sys.path]
    text = _KILLED.format(path=path, way=tracked, root=str(open_root), script=script)
    ended = subprocess.run([sys.executable, "-c", text], capture_output=True, timeout=60)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()

    async def scenario():
        async with rig() as core:
            pids = [int(text) for text in (core.work(A) / "pids").read_text().split()]
            assert (core.work(A) / "heard").exists()
            for pid in pids:
                process = read_process(pid)
                assert process is None or process.zombie
            await core.deploy(spec(run=TICKS))
            await grows(core, core.work(A) / "ticks")

    asyncio.run(scenario())
