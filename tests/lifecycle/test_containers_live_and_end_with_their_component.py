"""A life of a component opens before its first script, and its containers end with it."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest
from owned_containers import NAME, FakeEngine, container

from greendock.base.errors import DeviceError
from greendock.lifecycle.environment import EnvironmentParts, process_environment
from greendock.lifecycle.model import ResourceLimits, RunWith, State
from greendock.lifecycle.ports import ContainerOwner


def test_scripts_get_the_variables_and_the_life_is_open_before_the_first(rig, spec):
    async def scenario():
        engine = FakeEngine(variables={"DOCKER_HOST": "unix:///x.sock"})
        async with rig(owned=engine) as core:
            await core.deploy(spec(install="echo $DOCKER_HOST > seen", run="sleep 60"))
            assert (core.work(NAME) / "seen").read_text() == "unix:///x.sock\n"
            assert engine.calls == [f"open {NAME}"]
            life = engine.present.life
            assert life.spec.name == NAME
            assert life.token == f"token-{NAME}-1"
            assert len(life.id) == 16
            assert life.token not in repr(life)

    asyncio.run(scenario())


def test_each_life_has_an_id_of_its_own(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            await core.deploy(spec(run="sleep 60"))
            core.supervisor.restart(NAME)
            await core.until(lambda: core.states(NAME).count("RUNNING") == 2)
            assert engine.calls == [f"open {NAME}", f"close {NAME}", f"open {NAME}"]
            assert len(engine.lives) == 2

    asyncio.run(scenario())


def test_containers_end_after_the_scripts_and_before_the_token(rig, spec):
    async def scenario():
        engine = FakeEngine(may_close=asyncio.Event())
        async with rig(owned=engine) as core:
            await core.deploy(spec(run="sleep 60", shutdown="touch down"))
            engine.show(container())
            core.supervisor.stop(NAME)
            await core.until(lambda: f"close {NAME}" in engine.calls)
            assert (core.work(NAME) / "down").exists()
            assert core.supervisor.view(NAME).pid is None
            assert core.tokens.valid
            assert core.state(NAME) is State.STOPPING
            engine.may_close.set()
            await core.until(lambda: core.state(NAME) is State.FINISHED)
            assert not core.tokens.valid

    asyncio.run(scenario())


def test_what_an_install_starts_ends_with_the_life(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            await core.deploy(spec(install="true"))
            assert core.state(NAME) is State.FINISHED
            engine.show(container())
            core.supervisor.stop(NAME)
            await core.until(lambda: f"close {NAME}" in engine.calls)

    asyncio.run(scenario())


def test_a_life_that_cannot_be_opened_is_an_error_with_its_message(rig, spec):
    async def scenario():
        engine = FakeEngine(refusal=DeviceError("cannot make the socket: disk full"))
        async with rig(owned=engine) as core:
            core.supervisor.update({NAME: spec(run="touch ran", recover="touch recovered")})
            await core.until(lambda: core.state(NAME) is State.BROKEN)
            assert core.codes(NAME) == ["INSTALL_IO_ERROR"] * 3
            assert "cannot make the socket: disk full" in core.supervisor.view(NAME).status_reason
            assert not core.tokens.valid
            assert not (core.work(NAME) / "ran").exists()
            assert not (core.work(NAME) / "recovered").exists()
            engine.refusal = None
            core.supervisor.restart(NAME)
            await core.until(lambda: core.state(NAME) is State.RUNNING)

    asyncio.run(scenario())


def test_limits_reach_the_containers_of_startup_and_run_only(rig, spec):
    async def scenario():
        engine = FakeEngine()
        limits = ResourceLimits(memory_kb=65536)
        async with rig(owned=engine) as core:
            limited = spec(install="true", run="sleep 60", run_with=RunWith(limits=limits))
            await core.deploy(limited)
            assert engine.limits == [None, limits]

    asyncio.run(scenario())


def test_an_uninstall_script_has_a_life_that_ends(rig, spec):
    async def scenario():
        engine = FakeEngine()
        async with rig(owned=engine) as core:
            await core.deploy(spec(run="sleep 60", uninstall="true"))
            await core.supervisor.remove([NAME])
            assert engine.calls == [f"open {NAME}", f"close {NAME}"] * 2
            assert sorted(engine.closed) == sorted(engine.lives)

    asyncio.run(scenario())


def test_a_core_that_runs_out_of_time_kills_the_containers(rig, spec):
    async def scenario():
        engine = FakeEngine(may_close=asyncio.Event())
        async with rig(owned=engine) as core:
            await core.deploy(spec(run="sleep 60"))
            await core.supervisor.stop_all(0.2)
            assert engine.calls == [f"open {NAME}", f"close {NAME}", f"kill {NAME}"]

    asyncio.run(scenario())


def test_containers_that_cannot_be_killed_keep_nothing_else_from_its_end(rig, spec, caplog):
    async def scenario():
        engine = FakeEngine(may_close=asyncio.Event(), kill_failure=RuntimeError("odd"))
        async with rig(owned=engine) as core:
            await core.deploy(spec(run="sleep 60"), spec("com.example.B", run="sleep 60"))
            await core.supervisor.stop_all(0.2)
            assert {call for call in engine.calls if call.startswith("kill")} == {
                f"kill {NAME}",
                "kill com.example.B",
            }
            assert not core.supervisor.views()
        assert f"{NAME} could not be ended by force" in caplog.text

    asyncio.run(scenario())


@pytest.mark.parametrize("failure", [RuntimeError("odd"), DeviceError("the disk is full")])
def test_a_life_that_could_not_be_opened_leaves_no_token(rig, spec, failure):
    async def scenario():
        engine = FakeEngine(refusal=failure)
        async with rig(owned=engine) as core:
            core.supervisor.update({NAME: spec(run="sleep 60")})
            await core.until(lambda: core.codes(NAME))
            assert (NAME, 1) not in core.tokens.valid
            assert core.tokens.issued
            engine.refusal = None

    asyncio.run(scenario())


def _environment(**docker):
    parts = EnvironmentParts(
        component=NAME,
        core_id="core",
        inherited={
            "DOCKER_HOST": "tcp://elsewhere",
            "DOCKER_CONTEXT": "far",
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": "/certs",
            "DOCKER_TLS": "1",
        },
        shared={},
        token="t",
        user_name="u",
        home="/h",
        work_folder="/w",
        docker=docker,
        setenv={"DOCKER_TLS": "recipe"},
    )
    return process_environment(parts)


def test_settings_for_another_engine_are_dropped_where_a_socket_is_given():
    given = _environment(DOCKER_HOST="unix:///x.sock")
    assert given["DOCKER_HOST"] == "unix:///x.sock"
    assert given.keys() & {"DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"} == set()
    assert given["DOCKER_TLS"] == "recipe"


def test_without_a_socket_the_environment_stays_as_it_was():
    plain = _environment()
    assert plain["DOCKER_HOST"] == "tcp://elsewhere"
    assert plain["DOCKER_CONTEXT"] == "far"


def test_who_pauses_a_component_is_told_its_life(rig, spec):
    class Pauses:
        owners: ClassVar[list[ContainerOwner]] = []

        async def pause(self, owner: ContainerOwner) -> None:
            self.owners.append(owner)

        async def resume(self, component: str) -> None:
            pass

        def release(self, component: str) -> None:
            pass

    async def scenario():
        engine, pauses = FakeEngine(), Pauses()
        async with rig(owned=engine, containers=pauses) as core:
            await core.deploy(spec(run="sleep 60"))
            await core.supervisor.pause(NAME)
            assert [owner.life_id for owner in pauses.owners] == list(engine.lives)

    asyncio.run(scenario())
