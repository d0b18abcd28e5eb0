"""When a deployment may trust what it started: the rule, and the wait for it."""

from __future__ import annotations

import asyncio

import pytest
from owned_containers import NAME, FakeEngine, JumpClock, container
from run_settings import Settings

from greendock.base.errors import LifecycleError
from greendock.docker.containers.model import GenerationState, Health, Phase
from greendock.lifecycle.model import State
from greendock.lifecycle.soak import Soak

HEALTHY, STARTING = Health.HEALTHY, Health.STARTING


def shown(*containers, **failures) -> GenerationState:
    return GenerationState(True, containers, failures)


def left_s(soak: Soak, at: float, *containers, since: float = 0, **failures) -> float | None:
    """How long it is still waited for by time; None: it is sound."""
    wait = soak.wait(shown(*containers, **failures), since, at)
    return None if wait is None else wait.left_s


def test_a_container_without_healthcheck_runs_for_the_soak_time():
    soak = Soak(10)
    assert left_s(soak, 0) == 10
    assert left_s(soak, 3, container()) == 10
    assert left_s(soak, 12, container()) == 1
    assert left_s(soak, 13, container()) is None


def test_a_component_without_containers_runs_for_the_soak_time():
    soak = Soak(10)
    assert left_s(soak, 5, since=1) == 6
    assert left_s(soak, 11, since=1) is None


def test_the_time_begins_anew_when_the_engine_is_back():
    """What it took along is known then, and not yet started again."""
    soak = Soak(10)
    assert left_s(soak, 1, container()) == 10
    assert soak.wait(GenerationState(False, (container(),)), 0, 5).left_s is None
    assert left_s(soak, 12) == 10
    assert left_s(soak, 15, container("again"), since=14) == 10
    assert left_s(soak, 25, container("again"), since=14) is None


def test_health_is_waited_for_however_long_and_counts_at_once():
    soak = Soak(10)
    starting = soak.wait(shown(container(health=STARTING)), 0, 1)
    assert (starting.text, starting.left_s) == ("container web is not healthy yet", None)
    assert soak.wait(shown(container(health=STARTING)), 0, 1000) is not None
    assert Soak(10).wait(shown(container(health=HEALTHY)), 0, 1) is None


def test_each_container_has_to_prove_itself():
    soak = Soak(10)
    db = container("db", health=HEALTHY)
    assert left_s(soak, 0, db, container()) == 10
    assert left_s(soak, 8, db, container(), container("late")) == 10
    assert left_s(soak, 18, db, container(), container("late")) is None


def test_a_restart_begins_the_time_anew_and_the_third_is_the_end():
    soak = Soak(10)
    left_s(soak, 0, container())
    assert left_s(soak, 9, container(restarts=1)) == 10
    restarting = soak.wait(shown(container(phase=Phase.RESTARTING, restarts=1)), 0, 9)
    assert restarting.text == "container web is being restarted"
    assert left_s(soak, 18, container(restarts=2)) == 10
    end = soak.wait(shown(container(restarts=3)), 0, 19)
    assert end.is_failed
    assert end.text == "container web was restarted 3 times"


def test_a_container_with_healthcheck_that_restarted_has_to_run_as_well():
    soak = Soak(10)
    assert left_s(soak, 4, container(health=HEALTHY, restarts=1)) == 10
    assert left_s(soak, 14, container(health=HEALTHY, restarts=1)) is None


def test_bad_ends_that_the_script_outlives_count_like_restarts():
    soak = Soak(10)
    left_s(soak, 0, container())
    assert left_s(soak, 5, container("b"), web=1) == 10
    left_s(soak, 6, container("c"), web=1, b=1)
    end = soak.wait(shown(web=1, b=1, c=2), 0, 7)
    assert (end.is_failed, end.text) == (True, "container c exited with code 2")


def test_what_ended_badly_before_it_ran_does_not_count():
    check = container("check", Phase.EXITED, exit_code=1)
    soak = Soak(10)
    assert left_s(soak, 0, check, a=1, b=1, c=1) == 10
    assert left_s(soak, 10, check, a=1, b=1, c=1) is None


def test_jobs_that_come_and_go_do_not_begin_the_time_anew():
    soak = Soak(10)
    left_s(soak, 0, container("job1"))
    left_s(soak, 4, container("job2"))
    assert left_s(soak, 8, container("job3")) == 2
    assert left_s(soak, 10, container("job3")) is None


def test_another_stay_in_running_begins_anew():
    soak = Soak(10)
    left_s(soak, 0, container(restarts=2))
    assert left_s(soak, 30, container("web2"), since=25) == 10


def test_an_engine_that_is_away_proves_nothing():
    wait = Soak(10).wait(GenerationState(False, (container(health=HEALTHY),)), 0, 1000)
    assert wait.text == "the Docker engine does not answer"


# The wait.


async def begun(core, component):
    """A deployment that waits; what it told."""
    told = []
    touched = core.supervisor.update({component.name: component})
    wait = core.supervisor.wait_sound(touched, 20, told.append)
    task = asyncio.create_task(wait)
    await core.until(lambda: core.state(component.name) is State.RUNNING)
    return task, told


def soak_text(core) -> str:
    return core.supervisor.view(NAME).soak


def test_it_waits_for_the_time_and_says_so(rig, spec):
    async def scenario():
        engine, clock = FakeEngine(), JumpClock()
        async with rig(owned=engine, clock=clock, settings=Settings(soak_s=1000)) as core:
            task, told = await begun(core, spec(run="sleep 60", uses_docker=True))
            await core.until(lambda: soak_text(core) == "it has to run well for 1000 s")
            assert told[-1][0].component == NAME
            assert not task.done()
            for jump_s in (1, 998):
                looks = len(told)
                engine.show(container())
                await core.until(lambda n=looks: len(told) > n)
                clock.jump(jump_s)
            assert not task.done()
            clock.jump(2)
            views = await task
            assert views[NAME].state is State.RUNNING
            assert soak_text(core) == ""
            assert told[-1] == ()

    asyncio.run(scenario())


@pytest.mark.parametrize("own", [{}, {"greendock": {"health": {"soakSeconds": 2000}}}])
def test_a_component_may_have_a_time_of_its_own(rig, spec, own):
    async def scenario():
        clock = JumpClock()
        async with rig(owned=FakeEngine(), clock=clock, settings=Settings(soak_s=1000)) as core:
            component = spec(run="sleep 60", uses_docker=True, configuration=own)
            _task, _ = await begun(core, component)
            seconds = 2000 if own else 1000
            await core.until(lambda: soak_text(core) == f"it has to run well for {seconds} s")
            _task.cancel()

    asyncio.run(scenario())


def test_a_script_that_names_docker_has_to_run_well_too(rig, spec):
    """Its container may come at any moment, and fail."""

    async def scenario():
        async with rig(owned=FakeEngine(), settings=Settings(soak_s=1000)) as core:
            task, _ = await begun(core, spec(run="sleep 60 || docker run web"))
            await core.until(lambda: soak_text(core) == "it has to run well for 1000 s")
            task.cancel()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("soak_s", "more", "containers"),
    [
        (0, {"uses_docker": True}, (container(),)),
        (1000, {}, ()),
        (1000, {}, (container(health=HEALTHY),)),
    ],
    ids=["soak 0", "no docker", "healthy"],
)
def test_what_needs_no_time_counts_at_once(rig, spec, soak_s, more, containers):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine, settings=Settings(soak_s=soak_s)) as core:
            touched = core.supervisor.update({NAME: spec(run="sleep 60", **more)})
            await core.until(lambda: engine.lives)
            engine.show(*containers)
            views = await core.supervisor.wait_sound(touched, 20, lambda _: None)
            assert views[NAME].state is State.RUNNING

    asyncio.run(scenario())


def test_finished_with_0_counts_at_once(rig, spec):
    async def scenario():
        async with rig(owned=FakeEngine(), settings=Settings(soak_s=1000)) as core:
            touched = core.supervisor.update({NAME: spec(run="true", uses_docker=True)})
            views = await core.supervisor.wait_sound(touched, 20, lambda _: None)
            assert views[NAME].state is State.FINISHED

    asyncio.run(scenario())


def test_an_unhealthy_container_gets_three_tries(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine, settings=Settings(soak_s=1000)) as core:
            script = "touch up; sleep 60"
            task, _ = await begun(core, spec(run=script, uses_docker=True))
            for tries in range(1, 4):
                await core.until(lambda n=tries: core.states(NAME).count("RUNNING") == n)
                engine.show(container(health=Health.UNHEALTHY))
                await core.until(lambda n=tries: len(core.codes(NAME)) == n)
                assert task.done() or tries < 3 or core.state(NAME) is State.BROKEN
            views = await task
            assert views[NAME].state is State.BROKEN
            assert "container web is unhealthy" in views[NAME].status_reason

    asyncio.run(scenario())


def test_a_container_that_is_restarted_again_and_again_fails_the_deployment(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine, settings=Settings(soak_s=1000)) as core:
            task, _ = await begun(core, spec(run="sleep 60", uses_docker=True))
            engine.show(container(restarts=3))
            with pytest.raises(LifecycleError, match="web was restarted 3 times") as caught:
                await task
            assert caught.value.codes[-2:] == ("COMPONENT_UPDATE_ERROR", "COMPONENT_BROKEN")
            assert soak_text(core) == ""

    asyncio.run(scenario())


def test_the_deadline_names_what_was_waited_for(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine, settings=Settings(soak_s=1000)) as core:
            touched = core.supervisor.update({NAME: spec(run="sleep 60")})
            await core.until(lambda: core.state(NAME) is State.RUNNING)
            engine.show(container(health=STARTING))
            with pytest.raises(TimeoutError, match="A: container web is not healthy yet"):
                await core.supervisor.wait_sound(touched, 0.05, lambda _: None)

    asyncio.run(scenario())
