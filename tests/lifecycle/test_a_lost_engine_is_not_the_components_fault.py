"""What ends because the Docker engine went away does not bring a component nearer to BROKEN."""

from __future__ import annotations

import asyncio

import pytest
from owned_containers import NAME, FakeEngine, container
from run_settings import Settings

from greendock.docker.containers.model import Phase
from greendock.lifecycle.model import State

SCRIPT = "touch up; while [ ! -e go ]; do sleep 0.01; done; rm go; exit 125"
LAUNCH = "touch up; while [ ! -e go ]; do sleep 0.01; done"


async def started(core, engine, component, *containers):
    core.supervisor.update({NAME: component})
    await core.until((core.work(NAME) / "up").exists)
    await core.until(lambda: core.state(NAME) is State.RUNNING)
    engine.show(*containers)


def let_go(core):
    (core.work(NAME) / "go").touch()


def view(core):
    return core.supervisor.view(NAME)


def test_containers_that_live_on_carry_it_without_a_restart(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            await started(core, engine, spec(run=SCRIPT), container("web"))
            engine.lose()
            let_go(core)
            await core.until(lambda: engine.waited_s)
            assert core.state(NAME) is State.RUNNING
            assert [round(one) for one in engine.waited_s] == [20]
            engine.come_back(container("web"))
            await core.until(lambda: view(core).is_carried)
            assert view(core).restarts == 0
            assert len(engine.lives) == 1
            engine.show(container("web", Phase.EXITED, exit_code=9))
            await core.until(lambda: core.codes(NAME) == ["RUN_ERROR"])

    asyncio.run(scenario())


def test_a_script_that_ends_before_the_loss_is_known_is_excused_too(rig, spec):
    async def scenario():
        engine = FakeEngine(may_look=asyncio.Event())
        async with rig(owned=engine) as core:
            await started(core, engine, spec(run=SCRIPT), container("web"))
            let_go(core)
            await core.until(lambda: engine.looking)
            engine.lose()
            engine.may_look.set()
            await core.until(lambda: engine.waited_s)
            engine.come_back(container("web"))
            await core.until(lambda: view(core).is_carried)

    asyncio.run(scenario())


def test_an_engine_that_nobody_misses_yet_is_asked_again(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            await started(core, engine, spec(run=SCRIPT), container("web"))
            engine.is_deaf = True
            let_go(core)
            await core.until(lambda: engine.looking > 2)
            engine.is_deaf = False
            await core.until(lambda: view(core).is_carried)
            assert view(core).restarts == 0

    asyncio.run(scenario())


def test_one_that_nobody_misses_is_not_asked_for_ever(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine, settings=Settings(engine_wait_s=0.05)) as core:
            await started(core, engine, spec(run=SCRIPT), container("web"))
            engine.is_deaf = True
            let_go(core)
            await core.until(lambda: core.codes(NAME) == ["RUN_ERROR"])
            assert "exited with code 125" in view(core).status_reason

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("left", "carries"),
    [((), True), ((container("web"),), False), ((container("web"),), True)],
    ids=["dead", "not adoptable", "one is missing"],
)
def test_otherwise_it_restarts_and_nothing_is_counted(rig, spec, left, carries):
    async def scenario():
        engine = FakeEngine(carries=carries)
        async with rig(owned=engine) as core:
            component = spec(run=SCRIPT)
            for times in range(1, 5):
                others = () if left and not carries else (container("db"),)
                await started(core, engine, component, container("web"), *others)
                engine.lose()
                let_go(core)
                await core.until(lambda: engine.waited_s)
                engine.waited_s.clear()
                (core.work(NAME) / "up").unlink()
                engine.come_back(*left)
                await core.until(lambda n=times: core.states(NAME).count("ERRORED") == n)
                await core.until(lambda n=times: core.states(NAME).count("RUNNING") == n + 1)
            assert "BROKEN" not in core.states(NAME)
            reasons = {c.status_reason for c in core.changes if c.new is State.ERRORED}
            assert reasons == {
                "the Docker engine went away, and what the component ran in containers with it"
            }

    asyncio.run(scenario())


def test_an_engine_that_stays_away_is_not_waited_for_for_ever(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine, settings=Settings(engine_wait_s=0.05)) as core:
            await started(core, engine, spec(run=SCRIPT, uses_docker=True), container("web"))
            engine.lose()
            for _ in range(3):
                let_go(core)
                await core.until(lambda: not (core.work(NAME) / "go").exists())
            await core.until(lambda: core.state(NAME) is State.BROKEN)
            assert core.codes(NAME) == ["RUN_ERROR"] * 3
            assert "exited with code 125" in view(core).status_reason

    asyncio.run(scenario())


def test_a_restart_waits_for_the_engine_and_hears_requests(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            await started(core, engine, spec(run="touch up; sleep 60", uses_docker=True))
            engine.lose()
            core.supervisor.restart(NAME)
            await core.until(lambda: engine.waited_s and core.state(NAME) is State.INSTALLED)
            core.supervisor.stop(NAME)
            await core.until(lambda: core.state(NAME) is State.FINISHED)
            core.supervisor.restart(NAME)
            await core.until(lambda: len(engine.waited_s) == 2)
            assert core.state(NAME) is State.INSTALLED
            engine.come_back()
            await core.until(lambda: core.state(NAME) is State.RUNNING)

    asyncio.run(scenario())


def test_a_component_without_docker_fails_and_starts_as_ever(rig, spec):
    async def scenario():
        engine = FakeEngine(is_lost=True)
        async with rig(owned=engine) as core:
            core.supervisor.update({NAME: spec(run="exit 3")})
            await core.until(lambda: core.state(NAME) is State.BROKEN)
            assert engine.waited_s == []

    asyncio.run(scenario())


def test_a_startup_that_fails_because_the_engine_goes_is_excused(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            component = spec(startup=SCRIPT, uses_docker=True)
            core.supervisor.update({NAME: component})
            for times in range(1, 5):
                await core.until((core.work(NAME) / "up").exists)
                (core.work(NAME) / "up").unlink()
                engine.lose()
                let_go(core)
                await core.until(lambda n=times: core.states(NAME).count("ERRORED") == n)
                engine.come_back()
            assert "BROKEN" not in core.states(NAME)
            assert "the Docker engine went away" in view(core).status_reason

    asyncio.run(scenario())


def test_a_carried_component_outlasts_the_engine(rig, spec):
    async def scenario():
        engine = FakeEngine()
        settings = Settings(engine_wait_s=0.02)
        async with rig(owned=engine, settings=settings) as core:
            core.supervisor.update({NAME: spec(run=LAUNCH)})
            await core.until((core.work(NAME) / "up").exists)
            engine.show(container("web"), container("db"))
            let_go(core)
            await core.until(lambda: view(core).is_carried)
            engine.lose()
            await core.until(lambda: len(engine.waited_s) > 2)
            engine.come_back(container("web"), container("db"))
            reads = engine.reads
            await core.until(lambda: engine.reads > reads)
            assert core.states(NAME)[-1] == "RUNNING"
            assert view(core).is_carried
            # One that the engine took with it: all start anew.
            engine.lose()
            waits = len(engine.waited_s)
            await core.until(lambda: len(engine.waited_s) > waits)
            engine.come_back(container("web"), container("db", Phase.EXITED, exit_code=137))
            await core.until(lambda: "ERRORED" in core.states(NAME))
            reason = next(c for c in core.changes if c.new is State.ERRORED).status_reason
            assert reason.startswith("the Docker engine went away")

    asyncio.run(scenario())


def test_an_engine_in_its_last_moments_does_not_make_it_finished(rig, spec):
    async def scenario():
        engine = FakeEngine(may_look=asyncio.Event())
        engine.may_look.set()
        async with rig(owned=engine) as core:
            core.supervisor.update({NAME: spec(run=LAUNCH)})
            await core.until((core.work(NAME) / "up").exists)
            engine.show(container("web"))
            let_go(core)
            await core.until(lambda: view(core).is_carried)
            engine.may_look.clear()
            engine.looking = 0
            # A daemon that shuts down stops containers in order: many end with 0 then.
            engine.show(container("web", Phase.EXITED))
            await core.until(lambda: engine.looking)
            engine.lose()
            engine.may_look.set()
            await core.until(lambda: engine.waited_s)
            engine.come_back(container("web", Phase.EXITED))
            await core.until(lambda: "ERRORED" in core.states(NAME))
            assert "FINISHED" not in core.states(NAME)
            await core.until(lambda: core.states(NAME).count("RUNNING") == 2)

    asyncio.run(scenario())


def test_a_request_is_heard_while_the_engine_is_waited_for(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            await started(core, engine, spec(run=SCRIPT), container("web"))
            engine.lose()
            let_go(core)
            await core.until(lambda: engine.waited_s)
            core.supervisor.stop(NAME)
            await core.until(lambda: core.state(NAME) is State.FINISHED)
            assert core.codes(NAME) == []

    asyncio.run(scenario())
