"""What runs on from an earlier life of the core becomes the component's, without a restart."""

from __future__ import annotations

import asyncio

import pytest
from owned_containers import NAME, FakeEngine, JumpClock, KnownLife, container

from greendock.base.errors import DeviceError
from greendock.docker.containers.model import GenerationState, Phase
from greendock.lifecycle.model import State
from greendock.recipe.model import DependencyType, SkipIf, Step

HARD = DependencyType.HARD
TRACE = {step: f"echo {step} >> trace" for step in ("install", "startup", "shutdown")}


def with_earlier(*names: str, **more) -> FakeEngine:
    """An engine on which life `old` of the component runs."""
    engine = FakeEngine(earlier={NAME: "old"}, **more)
    alive = tuple(container(name) for name in names or ("web",))
    engine.lives["old"] = KnownLife(state=GenerationState(True, alive))
    return engine


def trace(core) -> list[str]:
    path = core.work(NAME) / "trace"
    return path.read_text().split() if path.exists() else []


@pytest.mark.parametrize("script", ["startup", "run"])
def test_nothing_runs_again_and_the_shutdown_script_is_kept(rig, spec, script):
    async def scenario():
        engine = with_earlier()
        steps = {"install": TRACE["install"], script: f"echo {script} >> trace"}
        async with rig(owned=engine) as core:
            await core.deploy(spec(**steps, shutdown=TRACE["shutdown"]))
            assert core.states(NAME) == ["NEW", "INSTALLED", "STARTING", "RUNNING"]
            view = core.supervisor.view(NAME)
            assert (view.is_adopted, view.is_carried, view.pid) == (True, True, None)
            assert trace(core) == []
            assert engine.lives["old"].life.token == f"token-{NAME}-1"
            assert engine.lives["old"].mains == [None]
            assert "were taken over" in core.log(NAME)
            core.supervisor.stop(NAME)
            await core.until(lambda: core.state(NAME) is State.FINISHED)
            assert trace(core) == ["shutdown"]
            assert engine.closed == ["old"]
            assert not core.supervisor.view(NAME).is_adopted

    asyncio.run(scenario())


def test_when_there_is_nothing_it_starts_as_ever_and_asks_once(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            await core.deploy(spec(run="sleep 60"))
            assert engine.asked == [NAME]
            core.supervisor.update({NAME: spec(run="sleep 60", version="2.0.0")})
            await core.until(lambda: core.states(NAME).count("RUNNING") == 2)
            assert engine.asked == [NAME]

    asyncio.run(scenario())


def test_what_fails_after_that_restarts_as_ever(rig, spec):
    async def scenario():
        engine = with_earlier()
        async with rig(owned=engine) as core:
            await core.deploy(spec(install=TRACE["install"], run="touch ran; sleep 60"))
            engine.show(container("web", Phase.EXITED, exit_code=4))
            await core.until((core.work(NAME) / "ran").exists)
            assert core.codes(NAME) == ["RUN_ERROR"]
            assert engine.closed == ["old"]
            assert len(engine.lives) == 2
            assert trace(core) == []
            assert not core.supervisor.view(NAME).is_adopted

    asyncio.run(scenario())


def test_it_waits_for_a_hard_dependency_without_touching_the_containers(rig, spec):
    async def scenario():
        engine = with_earlier()
        async with rig(owned=engine) as core:
            base = spec("base", startup="while [ ! -e go ]; do sleep 0.01; done")
            top = spec(run="sleep 60", dependencies={"base": HARD})
            core.supervisor.update({"base": base, NAME: top})
            await core.until(lambda: core.state("base") is State.STARTING)
            await core.until(lambda: core.state(NAME) is State.INSTALLED)
            assert engine.closed == []
            (core.work("base") / "go").touch()
            await core.until(lambda: core.state(NAME) is State.RUNNING)
            assert core.supervisor.view(NAME).is_adopted
            assert engine.closed == []

    asyncio.run(scenario())


@pytest.mark.parametrize("request_", ["stop", "restart", "new spec", "new version", "remove"])
def test_while_it_waits_every_request_ends_the_old_containers(rig, spec, request_):
    async def scenario():
        engine = with_earlier()
        async with rig(owned=engine) as core:
            top = spec(run="touch ran; sleep 60", shutdown=TRACE["shutdown"])
            waiting = spec(
                run="touch ran; sleep 60", shutdown=TRACE["shutdown"], dependencies={"no": HARD}
            )
            core.supervisor.update({NAME: waiting})
            await core.until(lambda: core.state(NAME) is State.INSTALLED)
            await _ask(core, request_, spec)
            await core.until(lambda: engine.closed == ["old"])
            assert trace(core) == ["shutdown"]
            if request_ == "new version":
                await core.until(lambda: core.states(NAME).count("NEW") == 2)
            if request_ in ("restart", "new spec", "new version"):
                core.supervisor.update({NAME: top})
                await core.until((core.work(NAME) / "ran").exists)

    asyncio.run(scenario())


async def _ask(core, request: str, spec) -> None:
    match request:
        case "stop":
            core.supervisor.stop(NAME)
        case "restart":
            core.supervisor.restart(NAME)
        case "new spec":
            core.supervisor.update({NAME: spec(run="sleep 61", dependencies={"no": HARD})})
        case "new version":
            new = spec(run="sleep 61", version="2.0.0", dependencies={"no": HARD})
            core.supervisor.update({NAME: new})
        case "remove":
            await core.supervisor.remove([NAME])


@pytest.mark.parametrize("request_", ["stop", "restart", "new spec", "new version"])
def test_requests_are_heard_while_it_is_looked_for(rig, spec, request_):
    async def scenario():
        engine = with_earlier(may_answer=asyncio.Event())
        async with rig(owned=engine) as core:
            core.supervisor.update(
                {NAME: spec(run="sleep 60", shutdown=TRACE["shutdown"], dependencies={"no": HARD})}
            )
            await core.until(lambda: engine.asked)
            await _ask(core, request_, spec)
            if request_ in ("stop", "new version"):
                await core.until(lambda: core.state(NAME) is State.STOPPING)
            engine.may_answer.set()
            await core.until(lambda: engine.closed == ["old"])
            assert trace(core) == ["shutdown"]
            end = State.FINISHED if request_ == "stop" else State.INSTALLED
            await core.until(lambda: core.state(NAME) is end)
            assert "RUNNING" not in core.states(NAME)

    asyncio.run(scenario())


def test_an_engine_that_is_away_does_not_hold_up_the_end_for_long(rig, spec):
    async def scenario():
        clock = JumpClock()
        engine = with_earlier(may_answer=asyncio.Event())
        async with rig(owned=engine, clock=clock) as core:
            core.supervisor.update({NAME: spec(run="sleep 60")})
            await core.until(lambda: engine.asked)
            core.supervisor.stop(NAME)
            await core.until(lambda: core.state(NAME) is State.STOPPING and 10 in clock.sleeps)
            clock.jump(10)
            await core.until(lambda: core.state(NAME) is State.FINISHED)
            assert engine.calls == []
            assert engine.given_up == [NAME]

    asyncio.run(scenario())


def test_a_new_configuration_that_needs_no_restart_leaves_it_alone(rig, spec):
    async def scenario():
        engine = with_earlier()
        async with rig(owned=engine) as core:
            waiting = {"run": "sleep 60", "dependencies": {"no": HARD}}
            core.supervisor.update({NAME: spec(**waiting)})
            await core.until(lambda: core.state(NAME) is State.INSTALLED)
            core.supervisor.update({NAME: spec(**waiting, configuration={"a": 1})})
            core.supervisor.update({"no": spec("no")})
            await core.until(lambda: core.state(NAME) is State.RUNNING)
            view = core.supervisor.view(NAME)
            assert (view.is_adopted, view.configuration) == (True, {"a": 1})

    asyncio.run(scenario())


def test_what_cannot_be_opened_again_is_ended_and_started_anew(rig, spec):
    async def scenario():
        engine = with_earlier(refusal=DeviceError("cannot make the socket: disk full"))
        async with rig(owned=engine) as core:
            core.supervisor.update({NAME: spec(run="touch ran; sleep 60")})
            await core.until(lambda: engine.closed == ["old"])
            engine.refusal = None
            await core.until((core.work(NAME) / "ran").exists)
            assert not core.supervisor.view(NAME).is_adopted

    asyncio.run(scenario())


def test_one_that_fails_half_way_is_ended_and_started_anew(rig, spec):
    async def scenario():
        engine = with_earlier()
        async with rig(owned=engine) as core:
            broken = Step("true", skip_if=SkipIf("sometimes", "x"))
            core.supervisor.update({NAME: spec(run="sleep 60", shutdown=broken)})
            await core.until(lambda: len(engine.lives) > 1)
            assert engine.calls[:3] == [f"open {NAME}", f"close {NAME}", f"open {NAME}"]
            assert engine.closed[0] == "old"
            assert engine.closed.count("old") == 1

    asyncio.run(scenario())


def test_containers_that_ended_meanwhile_do_not_make_it_run(rig, spec):
    async def scenario():
        engine = with_earlier()
        engine.lives["old"].state = GenerationState(True, (container("web", Phase.EXITED),))
        async with rig(owned=engine) as core:
            core.supervisor.update({NAME: spec(run="sleep 60")})
            await core.until(lambda: core.state(NAME) is State.FINISHED)
            assert engine.closed == ["old"]

    asyncio.run(scenario())


def test_the_end_of_the_core_does_not_wait_for_the_answer(rig, spec):
    async def scenario():
        engine = with_earlier(may_answer=asyncio.Event())
        async with rig(owned=engine) as core:
            core.supervisor.update({NAME: spec(run="sleep 60")})
            await core.until(lambda: engine.asked)
            async with asyncio.timeout(20):
                await core.supervisor.stop_all(0.1)

    asyncio.run(scenario())


def test_the_time_of_run_begins_anew(rig, spec):
    async def scenario():
        engine, clock = with_earlier(), JumpClock()
        async with rig(owned=engine, clock=clock) as core:
            await core.deploy(spec(run=Step("sleep 60", timeout_s=1000)))
            assert core.supervisor.view(NAME).is_adopted
            await core.until(lambda: 1000 in clock.sleeps)
            clock.jump(1001)
            await core.until(lambda: core.codes(NAME) == ["RUN_TIMEOUT"])
            assert engine.closed == ["old"]

    asyncio.run(scenario())
