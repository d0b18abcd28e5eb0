"""A component that a deployment removes stops early when a new one needs what it holds."""

from __future__ import annotations

import asyncio

import pytest
from owned_containers import FakeEngine, container

from greendock.lifecycle.model import State
from greendock.recipe.model import DependencyType

HARD = DependencyType.HARD


def test_a_leaving_component_is_gone_when_it_gave_way(rig, spec):
    async def scenario():
        engine = FakeEngine(may_close=asyncio.Event())
        async with rig(owned=engine) as core:
            await core.deploy(spec("old", run="sleep 60", shutdown="touch down"))
            engine.show(container())
            core.supervisor.update({"new": spec("new", run="sleep 60")}, leaving=["old"])
            assert core.state("old") is State.RUNNING
            assert core.supervisor.leaving() == {"old"}
            way = asyncio.create_task(core.supervisor.give_way("old"))
            await core.until(lambda: "close old" in engine.calls)
            assert not way.done()
            engine.may_close.set()
            assert await way is True
            assert core.state("old") is State.FINISHED
            assert (core.work("old") / "down").exists()
            assert "old" in core.tokens.dismissed
            assert core.state("new") is State.RUNNING

    asyncio.run(scenario())


def test_those_that_depend_on_it_and_leave_too_stop_first(rig, spec):
    async def scenario():
        async with rig() as core:
            base = spec("base", run="sleep 60")
            await core.deploy(base, spec("top", run="sleep 60", dependencies={"base": HARD}))
            core.supervisor.update({}, leaving=["base", "top"])
            core.changes.clear()
            assert await core.supervisor.give_way("base") is True
            stopped = [c.component for c in core.changes if c.new is State.FINISHED]
            assert stopped == ["top", "base"]

    asyncio.run(scenario())


def test_a_component_that_stays_does_not_give_way(rig, spec):
    async def scenario():
        async with rig() as core:
            await core.deploy(spec("old", run="sleep 60"))
            core.supervisor.update({"new": spec("new", run="sleep 60")}, leaving=["other"])
            assert "old" not in core.supervisor.leaving()
            assert await core.supervisor.give_way("old") is False
            assert core.state("old") is State.RUNNING

    asyncio.run(scenario())


def test_what_is_not_there_or_does_not_run_is_no_obstacle(rig, spec):
    async def scenario():
        async with rig() as core:
            await core.deploy(spec("done", run="true"))
            await core.until(lambda: core.state("done") is State.FINISHED)
            assert await core.supervisor.give_way("done") is True
            assert await core.supervisor.give_way("nobody") is True

    asyncio.run(scenario())


@pytest.mark.parametrize("what", ["restart", "upgrade", "stop"])
def test_a_component_that_is_stopping_anyway_is_waited_for(rig, spec, what):
    async def scenario():
        engine = FakeEngine(may_close=asyncio.Event())
        async with rig(owned=engine) as core:
            await core.deploy(spec("old", run="sleep 60"))
            match what:
                case "restart":
                    core.supervisor.restart("old")
                case "upgrade":
                    core.supervisor.update({"old": spec("old", "2.0.0", run="sleep 60")})
                case "stop":
                    core.supervisor.stop("old")
            assert core.supervisor.leaving() == {"old"}
            way = asyncio.create_task(core.supervisor.give_way("old"))
            await core.until(lambda: "close old" in engine.calls)
            assert not way.done()
            engine.may_close.set()
            assert await way is True

    asyncio.run(scenario())


def test_a_deployment_that_goes_back_starts_it_again(rig, spec):
    async def scenario():
        async with rig() as core:
            old = spec("old", run="sleep 60")
            await core.deploy(old)
            core.supervisor.update({"new": spec("new", run="sleep 60")}, leaving=["old"])
            await core.supervisor.give_way("old")
            await core.supervisor.remove(["new"])
            touched = core.supervisor.update({"old": old})
            assert touched == {"old"}
            views = await core.supervisor.wait_settled(touched, 20)
            assert views["old"].state is State.RUNNING
            # Once is enough.
            assert core.supervisor.update({"old": old}) == frozenset()

    asyncio.run(scenario())


def test_one_that_did_not_have_to_give_way_is_not_restarted(rig, spec):
    async def scenario():
        async with rig() as core:
            old = spec("old", run="sleep 60")
            await core.deploy(old)
            core.supervisor.update({}, leaving=["old"])
            assert core.supervisor.update({"old": old}) == frozenset()
            assert await core.supervisor.give_way("old") is False

    asyncio.run(scenario())
