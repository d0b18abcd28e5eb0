"""A component is as alive as its containers once its script has ended well."""

from __future__ import annotations

import asyncio

import pytest
from owned_containers import NAME, FakeEngine, JumpClock, container

from greendock.docker.containers.model import Health, Phase
from greendock.lifecycle.model import State
from greendock.recipe.model import Step

LAUNCH = "touch up; while [ ! -e go ]; do sleep 0.01; done"
"""Runs until the test has shown the containers that it is supposed to have started."""


async def launched(core, engine, component, *containers, **failures):
    """The script has ended with 0, and left these."""
    core.supervisor.update({NAME: component})
    await core.until((core.work(NAME) / "up").exists)
    engine.show(*containers, **failures)
    (core.work(NAME) / "go").touch()


def is_carried(core) -> bool:
    view = core.supervisor.view(NAME)
    return view is not None and view.state is State.RUNNING and view.is_carried


@pytest.mark.parametrize("step", ["run", "startup"])
def test_it_runs_until_the_last_container_ended_well(rig, spec, step):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            both = (container("web"), container("db"))
            await launched(core, engine, spec(**{step: LAUNCH}, shutdown="touch down"), *both)
            await core.until(lambda: is_carried(core))
            assert engine.present.mains[-1] is None
            reads = engine.reads
            engine.change("web", phase=Phase.EXITED)
            await core.until(lambda: engine.reads > reads)
            assert is_carried(core)
            engine.show(container("db", Phase.EXITED))
            await core.until(lambda: core.state(NAME) is State.FINISHED)
            assert "ERRORED" not in core.states(NAME)
            assert (core.work(NAME) / "down").exists()
            assert not core.supervisor.view(NAME).is_carried

    asyncio.run(scenario())


@pytest.mark.parametrize("others", [(), (container("db"),)])
def test_a_container_that_fails_is_an_error(rig, spec, others):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            await launched(core, engine, spec(run=LAUNCH), container("web"), *others)
            await core.until(lambda: is_carried(core))
            engine.change("web", phase=Phase.EXITED, exit_code=7)
            await core.until(lambda: core.codes(NAME) == ["RUN_ERROR"])
            change = next(c for c in core.changes if c.new is State.ERRORED)
            assert change.status_reason == "container web exited with code 7"

    asyncio.run(scenario())


def test_a_removed_container_that_failed_is_an_error(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            await launched(core, engine, spec(run=LAUNCH), container("web"), container("db"))
            await core.until(lambda: is_carried(core))
            engine.show(container("db"), web=3)
            await core.until(lambda: core.codes(NAME) == ["RUN_ERROR"])

    asyncio.run(scenario())


def test_a_detached_container_that_died_before_the_script_ended_is_an_error(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            died = container("web", Phase.EXITED, exit_code=1)
            await launched(core, engine, spec(run=LAUNCH), died, container("db"))
            await core.until(lambda: core.codes(NAME) == ["RUN_ERROR"])

    asyncio.run(scenario())


def test_a_detached_container_that_died_and_is_gone_is_an_error(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            await launched(core, engine, spec(run=LAUNCH), web=1)
            await core.until(lambda: core.codes(NAME) == ["RUN_ERROR"])

    asyncio.run(scenario())


def test_what_the_script_itself_saw_fail_is_no_error(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            check = container("check", Phase.EXITED, exit_code=1, is_attached=True)
            await launched(core, engine, spec(run=LAUNCH), check, container("web"))
            await core.until(lambda: is_carried(core))
            engine.show(check, container("web", Phase.EXITED))
            await core.until(lambda: core.state(NAME) is State.FINISHED)
            assert core.codes(NAME) == []

    asyncio.run(scenario())


def test_a_container_that_is_brought_back_is_alive(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            await launched(core, engine, spec(run=LAUNCH), container("web"), container("db"))
            await core.until(lambda: is_carried(core))
            for what in (
                {"phase": Phase.RESTARTING, "exit_code": 1},
                {"phase": Phase.RUNNING, "restarts": 1},
            ):
                reads = engine.reads
                engine.change("web", **what)
                await core.until(lambda reads=reads: engine.reads > reads)
            engine.show(container("web", Phase.EXITED))
            await core.until(lambda: core.state(NAME) is State.FINISHED)
            assert core.codes(NAME) == []

    asyncio.run(scenario())


def test_run_without_containers_is_finished_as_ever(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            await launched(core, engine, spec(run=LAUNCH), container("web", Phase.EXITED))
            await core.until(lambda: core.state(NAME) is State.FINISHED)

    asyncio.run(scenario())


def test_startup_with_a_daemon_goes_on_when_its_container_is_done(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            daemon = f"sleep 60 & {LAUNCH}"
            await launched(core, engine, spec(startup=daemon), container("migration"))
            await core.until(lambda: is_carried(core))
            # A later core would have to start the daemon as well.
            assert None not in engine.present.mains
            engine.show(container("migration", Phase.EXITED))
            await core.until(lambda: not core.supervisor.view(NAME).is_carried)
            assert core.state(NAME) is State.RUNNING

    asyncio.run(scenario())


@pytest.mark.parametrize("script", ["touch up; sleep 60", LAUNCH])
def test_an_unhealthy_container_is_an_error_whoever_carries(rig, spec, script):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            await launched(core, engine, spec(run=script), container("web"))
            await core.until(lambda: core.state(NAME) is State.RUNNING)
            sick = {"health": Health.UNHEALTHY, "health_output": "connection\n refused"}
            engine.change("web", **sick)
            await core.until(lambda: core.codes(NAME) == ["RUN_ERROR"])
            change = next(c for c in core.changes if c.new is State.ERRORED)
            assert change.status_reason == "container web is unhealthy: connection refused"
            # It gets another try, with another life.
            await core.until(lambda: len(engine.lives) == 2)

    asyncio.run(scenario())


def test_while_the_script_goes_on_ended_containers_are_its_business(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            await launched(core, engine, spec(run="touch up; sleep 60"), container("web"))
            await core.until(lambda: core.state(NAME) is State.RUNNING)
            assert engine.present.mains == [Step("touch up; sleep 60")]
            reads = engine.reads
            engine.change("web", phase=Phase.EXITED, exit_code=1)
            await core.until(lambda: engine.reads > reads)
            core.supervisor.stop(NAME)
            await core.until(lambda: core.state(NAME) is State.FINISHED)
            assert core.codes(NAME) == []

    asyncio.run(scenario())


def test_the_time_of_run_counts_on_while_it_is_carried(rig, spec):
    async def scenario():
        engine, clock = FakeEngine(), JumpClock()
        async with rig(owned=engine, clock=clock) as core:
            step = Step(LAUNCH, timeout_s=1000)
            await launched(core, engine, spec(run=step), container("web"))
            await core.until(lambda: is_carried(core) and 1000 in clock.sleeps)
            clock.jump(1001)
            await core.until(lambda: core.codes(NAME) == ["RUN_TIMEOUT"])

    asyncio.run(scenario())


def test_a_carried_component_stops_and_restarts_on_request(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            await launched(core, engine, spec(run=LAUNCH), container("web"))
            await core.until(lambda: is_carried(core))
            first = engine.present.life.id
            core.supervisor.restart(NAME)
            await core.until(lambda: engine.closed == [first])
            await core.until(lambda: len(engine.lives) == 2)

    asyncio.run(scenario())
