"""What the core does for a built-in component starts, fails, restarts and ends with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from greendock.base.errors import ConfigurationError, LifecycleError, UsageError
from greendock.lifecycle.model import State
from greendock.recipe.model import DependencyType

NAME = "aws.greengrass.Part"
HARD, SOFT = DependencyType.HARD, DependencyType.SOFT


@dataclass
class Part:
    """The CorePart port: remembers what was asked of it."""

    faults: list[Exception] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def start(self, spec):
        self.calls.append(f"start {spec.configuration.get('port')}")
        await asyncio.sleep(0)
        if self.faults:
            raise self.faults.pop(0)

    async def stop(self):
        self.calls.append("stop")

    @property
    def shown(self):
        return {"calls": len(self.calls)}


@pytest.fixture
def part():
    return Part()


@pytest.fixture
def built_in(spec):
    def make(port=1, **more):
        return spec(
            NAME,
            resident=True,
            built_in=True,
            configuration={"port": port},
            restart_id=str(port),
            **more,
        )

    return make


def test_it_starts_before_those_that_need_it_and_stops_after_them(rig, spec, part, built_in):
    async def scenario():
        async with rig(parts={NAME: part}) as core:
            depender = spec("a", startup="true", shutdown="true", dependencies={NAME: HARD})
            states = await core.deploy(built_in(), depender)
            assert set(states.values()) == {State.RUNNING}
            assert part.calls == ["start 1"]
            starting = [c.component for c in core.changes if c.new is State.RUNNING]
            assert starting == [NAME, "a"]
            await core.supervisor.remove([NAME, "a"])
            assert part.calls == ["start 1", "stop"]
            ends = [c.component for c in core.changes if c.new is State.FINISHED]
            assert ends == ["a", NAME]

    asyncio.run(scenario())


def test_one_that_fails_is_tried_again_and_given_up_with_the_reason(rig, part, built_in):
    async def scenario():
        for error, code in (
            (LifecycleError("cannot listen: taken", hint="another port"), "STARTUP_ERROR"),
            (ConfigurationError("cannot use port: many"), "STARTUP_CONFIG_NOT_VALID"),
        ):
            part.faults, part.calls = [error] * 3, []
            async with rig(parts={NAME: part}) as core:
                assert await core.deploy(built_in()) == {NAME: State.BROKEN}
                view = core.supervisor.view(NAME)
                assert view.status_code == code
                assert view.status_reason == error.explain()
                assert part.calls.count("start 1") == 3
                await core.until(lambda: part.calls[-1] == "stop")
                # It can be mended by a restart, unlike the core itself.
                core.supervisor.restart(NAME)
                await core.until(lambda: core.state(NAME) is State.RUNNING)

    asyncio.run(scenario())


def test_a_change_that_needs_it_restarts_it_and_its_hard_dependers(rig, spec, part, built_in):
    async def scenario():
        async with rig(parts={NAME: part}) as core:
            hard = spec("a", startup="true", dependencies={NAME: HARD})
            soft = spec("b", startup="true", dependencies={NAME: SOFT})
            await core.deploy(built_in(), hard, soft)
            states = await core.deploy(built_in(2), hard, soft)
            assert states == {NAME: State.RUNNING, "a": State.RUNNING}
            assert part.calls == ["start 1", "stop", "start 2"]
            assert core.states("a").count("STARTING") == 2
            assert core.states("b").count("STARTING") == 1

    asyncio.run(scenario())


def test_another_configuration_is_taken_as_it_runs(rig, part, built_in):
    async def scenario():
        async with rig(parts={NAME: part}) as core:
            await core.deploy(built_in())
            other = replace(built_in(), configuration={"port": 1, "more": 2})
            assert await core.deploy(other) == {}
            shown = {"port": 1, "more": 2, "calls": 1}
            assert core.supervisor.view(NAME).configuration == shown
            assert core.supervisor.views()[0].configuration == shown
            assert part.calls == ["start 1"]

    asyncio.run(scenario())


def test_those_without_work_are_left_alone(rig, spec, part):
    async def scenario():
        async with rig(parts={NAME: part}) as core:
            await core.deploy(
                spec("core", resident=True, built_in=True), spec(NAME, resident=True)
            )
            with pytest.raises(UsageError, match="part of the core"):
                core.supervisor.stop("core")
            # A recipe of somebody's that has the name is not the core's own.
            assert part.calls == []

    asyncio.run(scenario())


def test_dependers_are_those_that_name_it(rig, spec, part, built_in):
    async def scenario():
        async with rig(parts={NAME: part}) as core:
            await core.deploy(
                built_in(),
                spec("a", dependencies={NAME: HARD}),
                spec("b", dependencies={NAME: SOFT}),
                spec("c", dependencies={"a": HARD}),
            )
            assert core.supervisor.dependers(NAME) == {"a", "b"}

    asyncio.run(scenario())
