"""Start, restart and stop order among several components."""

from __future__ import annotations

import asyncio

import pytest

from greendock.base.errors import LifecycleError, UsageError
from greendock.lifecycle.model import State
from greendock.recipe.model import DependencyType

HARD, SOFT = DependencyType.HARD, DependencyType.SOFT


def order(core, state: State) -> list[str]:
    return [c.component for c in core.changes if c.new is state]


def test_a_hard_dependency_runs_first_and_a_soft_one_is_not_waited_for(rig, spec):
    async def scenario():
        async with rig() as core:
            base = spec("base", startup="while [ ! -e go ]; do sleep 0.01; done")
            core.supervisor.update(
                {
                    "top": spec("top", run="sleep 60", dependencies={"base": HARD}),
                    "side": spec("side", run="sleep 60", dependencies={"base": SOFT}),
                    "base": base,
                }
            )
            await core.until(lambda: core.state("side") is State.RUNNING)
            assert core.state("top") is State.INSTALLED
            (core.work("base") / "go").touch()
            await core.until(lambda: core.state("top") is State.RUNNING)
            assert order(core, State.RUNNING) == ["side", "base", "top"]
            assert [v.name for v in core.supervisor.views()] == ["base", "side", "top"]

    asyncio.run(scenario())


def test_a_restarted_dependency_restarts_its_hard_dependers(rig, spec):
    async def scenario():
        async with rig() as core:
            await core.deploy(
                spec("base", run="sleep 60"),
                spec("top", run="sleep 60", dependencies={"base": HARD}),
                spec("side", run="sleep 60", dependencies={"base": SOFT}),
            )
            core.changes.clear()
            core.supervisor.restart("base")
            await core.until(lambda: order(core, State.RUNNING) == ["base", "top"])
            assert core.states("side") == ["NEW"]

    asyncio.run(scenario())


def test_an_upgrade_waits_for_the_dependers_too(rig, spec):
    async def scenario():
        async with rig() as core:
            top = spec("top", run="sleep 60", dependencies={"base": HARD})
            await core.deploy(spec("base", run="sleep 60"), top)
            touched = core.supervisor.update(
                {"base": spec("base", "2.0.0", run="sleep 60"), "top": top}
            )
            assert touched == {"base", "top"}
            views = await core.supervisor.wait_settled(touched, 20)
            assert {v.state for v in views.values()} == {State.RUNNING}
            assert core.supervisor.view("base").version == "2.0.0"

    asyncio.run(scenario())


def test_a_broken_dependency_ends_the_wait(rig, spec):
    async def scenario():
        async with rig() as core:
            states = await core.deploy(
                spec("base", startup="exit 1"),
                spec("top", run="sleep 60", dependencies={"base": HARD}),
            )
            assert states == {"base": State.BROKEN, "top": State.INSTALLED}

    asyncio.run(scenario())


def test_stop_and_removal_go_in_reverse_order(rig, spec):
    async def scenario():
        async with rig() as core:
            await core.deploy(
                spec("a", run="sleep 60", shutdown="sleep 0.05"),
                spec("b", run="sleep 60", shutdown="sleep 0.05", dependencies={"a": HARD}),
                spec("c", run="sleep 60", shutdown="sleep 0.05", dependencies={"b": HARD}),
                spec("d", run="sleep 60"),
            )
            await core.supervisor.remove(["b", "c"])
            assert order(core, State.UNINSTALLED) == ["c", "b"]
            assert order(core, State.STOPPING) == ["c", "b"]
            core.changes.clear()
            await core.supervisor.stop_all(20)
            assert set(order(core, State.FINISHED)) == {"a", "d"}
            assert not core.tokens.valid

    asyncio.run(scenario())


def test_a_circle_is_refused_and_changes_nothing(rig, spec):
    async def scenario():
        async with rig() as core:
            with pytest.raises(LifecycleError):
                core.supervisor.update(
                    {
                        "a": spec("a", run="sleep 60", dependencies={"b": HARD}),
                        "b": spec("b", run="sleep 60", dependencies={"a": HARD}),
                    }
                )
            assert core.supervisor.views() == []

    asyncio.run(scenario())


def test_a_component_deployed_again_while_it_is_removed_comes_back(rig, spec):
    async def scenario():
        async with rig() as core:
            again = spec("a", "2.0.0", run="sleep 60")
            await core.deploy(spec("a", run="sleep 60", uninstall="sleep 0.1"))
            removal = asyncio.create_task(core.supervisor.remove(["a"]))
            await core.until(lambda: "STOPPING" in core.states("a"))
            assert core.supervisor.update({"a": again}) == {"a"}
            await removal
            views = await core.supervisor.wait_settled(["a"], 20)
            assert (views["a"].version, views["a"].state) == ("2.0.0", State.RUNNING)

    asyncio.run(scenario())


def test_independent_components_start_side_by_side(rig, spec):
    async def scenario():
        async with rig() as core:
            names = [f"c{i:02}" for i in range(20)]
            # Each one's startup ends only when all of them have begun.
            wait = (
                "touch ../../run/$0; while [ $(ls ../../run | wc -l) -lt 20 ]; do sleep 0.02; done"
            )
            specs = [spec(n, startup=wait.replace("$0", n)) for n in names]
            states = await core.deploy(*specs, within_s=60)
            assert set(states.values()) == {State.RUNNING}

    asyncio.run(scenario())


def test_a_core_that_stops_starts_nothing_again(rig, spec):
    async def scenario():
        async with rig() as core:
            trap = "trap 'while [ ! -e go ]; do sleep 0.01; done; exit 0' TERM"
            slow = f"{trap}; touch ready; sleep 100 & wait"
            await core.deploy(spec("a", run="exec sleep 1000"), spec("b", run=slow))
            await core.until(lambda: (core.work("b") / "ready").exists())
            end = asyncio.create_task(core.supervisor.stop_all(20))
            await core.until(lambda: core.states("a")[-1] == "FINISHED")
            # As a component does that watches over another, and is asked to end a moment later.
            with pytest.raises(UsageError, match="the core is stopping"):
                core.supervisor.restart("a")
            (core.work("b") / "go").touch()
            await end
            assert core.states("a")[-1] == core.states("b")[-1] == "FINISHED"

    asyncio.run(scenario())


def test_a_dependency_that_a_new_specification_drops_is_not_waited_for(rig, spec):
    async def scenario():
        async with rig() as core:
            core.supervisor.update({"a": spec("a", run="sleep 60", dependencies={"no": HARD})})
            await core.until(lambda: core.state("a") is State.INSTALLED)
            core.supervisor.update({"a": spec("a", run="sleep 60")})
            await core.until(lambda: core.state("a") is State.RUNNING)

    asyncio.run(scenario())
