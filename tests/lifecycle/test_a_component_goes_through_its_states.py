"""States, scripts and their order for one component, with real processes."""

from __future__ import annotations

import asyncio
import os

import pytest

from greendock.base.errors import UsageError
from greendock.lifecycle.model import State
from greendock.recipe.model import SkipIf, Step


def run(coroutine):
    return asyncio.run(coroutine)


def test_run_script_makes_it_running_and_its_output_reaches_the_log(rig, spec):
    async def scenario():
        async with rig() as core:
            states = await core.deploy(
                spec(install="echo installing", run="echo out; echo err >&2; sleep 60")
            )
            assert states == {"com.example.A": State.RUNNING}
            assert core.states("com.example.A") == ["NEW", "INSTALLED", "STARTING", "RUNNING"]
            await core.until(lambda: "stderr. err." in core.log("com.example.A"))
            text = core.log("com.example.A")
            assert "[INFO] (Copier) com.example.A: stdout. installing. {" in text
            assert (
                "[WARN] (Copier) com.example.A: stderr. err. "
                "{scriptName=services.com.example.A.lifecycle.Run, serviceName=com.example.A, "
                "currentState=RUNNING}" in text
            )
            assert core.supervisor.view("com.example.A").pid is not None

    run(scenario())


def test_run_that_exits_0_is_finished_and_shuts_down(rig, spec):
    async def scenario():
        async with rig() as core:
            await core.deploy(spec(run="echo once", shutdown="echo down"))
            await core.until(lambda: core.state("com.example.A") is State.FINISHED)
            assert core.states("com.example.A")[-3:] == ["RUNNING", "STOPPING", "FINISHED"]
            assert "stdout. down." in core.log("com.example.A")
            assert not core.tokens.valid

    run(scenario())


def test_startup_runs_to_its_end_and_what_it_leaves_keeps_running(rig, spec):
    async def scenario():
        async with rig() as core:
            await core.deploy(
                spec(
                    startup="(echo $$ > pid; i=0; while [ ! -e stop ]; do sleep 0.02; done; "
                    "echo late line; sleep 60) & echo started",
                    run="echo never",
                )
            )
            assert core.state("com.example.A") is State.RUNNING
            assert "never" not in core.log("com.example.A")
            (core.work("com.example.A") / "stop").touch()
            await core.until(lambda: "stdout. late line." in core.log("com.example.A"))

    run(scenario())


def test_without_scripts_it_is_finished_and_resident_ones_run(rig, spec):
    async def scenario():
        async with rig() as core:
            states = await core.deploy(spec("a"), spec("b", resident=True))
            assert states == {"a": State.FINISHED, "b": State.RUNNING}
            assert not core.work("a").exists()

    run(scenario())


def test_install_without_a_run_is_finished_after_install(rig, spec):
    async def scenario():
        async with rig() as core:
            assert await core.deploy(spec(install="touch done")) == {
                "com.example.A": State.FINISHED
            }
            assert core.states("com.example.A") == ["NEW", "INSTALLED", "STARTING", "FINISHED"]
            assert (core.work("com.example.A") / "done").exists()

    run(scenario())


def test_install_leftovers_live_until_the_component_is_stopped(rig, spec):
    async def scenario():
        async with rig() as core:
            await core.deploy(spec(install="sleep 60 & echo $! > pid"))
            pid = int((core.work("com.example.A") / "pid").read_text())
            os.kill(pid, 0)
            core.supervisor.stop("com.example.A")
            await core.until(lambda: not _alive(pid))
            assert core.state("com.example.A") is State.FINISHED

    run(scenario())


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ({"install": "exit 3"}, "INSTALL_ERROR"),
        ({"startup": "exit 3"}, "STARTUP_ERROR"),
        ({"run": "exit 3"}, "RUN_ERROR"),
        ({"install": Step("sleep 60", timeout_s=0.05)}, "INSTALL_TIMEOUT"),
        ({"startup": Step("sleep 60", timeout_s=0.05)}, "STARTUP_TIMEOUT"),
        ({"run": Step("sleep 60", timeout_s=0.05)}, "RUN_TIMEOUT"),
    ],
)
def test_third_error_breaks_it(rig, spec, steps, code):
    async def scenario():
        async with rig() as core:
            name = "com.example.A"
            core.supervisor.update({name: spec(**steps)})
            await core.until(lambda: core.state(name) is State.BROKEN)
            view = (await core.supervisor.wait_settled([name], 20))[name]
            assert (view.state, view.status_code) == (State.BROKEN, code)
            assert core.states(name).count("ERRORED") == 2
            assert core.codes(name) == [code] * 3
            if code.endswith("_ERROR"):
                assert "exited with code 3" in view.status_reason

    run(scenario())


def test_broken_is_left_by_restart_by_a_changed_spec_and_by_redeploy(rig, spec):
    async def scenario():
        async with rig() as core:
            name, broken = "com.example.A", spec(run="test -e ok && exec sleep 60; exit 1")
            for remedy in ("restart", "redeploy", "change"):
                (core.work(name) / "ok").unlink(missing_ok=True)
                if remedy == "restart":
                    core.supervisor.update({name: broken})
                else:
                    core.supervisor.restart(name)
                await core.until(lambda: core.state(name) is State.BROKEN)
                await core.supervisor.wait_settled([name], 20)
                (core.work(name) / "ok").touch()
                if remedy == "restart":
                    core.supervisor.restart(name)
                elif remedy == "redeploy":
                    assert core.supervisor.update({name: broken}) == {name}
                else:
                    assert core.supervisor.update({name: spec(run="sleep 61")}) == {name}
                views = await core.supervisor.wait_settled([name], 20)
                assert views[name].state is State.RUNNING

    run(scenario())


def test_recover_runs_before_each_retry_and_shutdown_too(rig, spec):
    async def scenario():
        async with rig() as core:
            name = "com.example.A"
            core.supervisor.update(
                {name: spec(run="exit 1", recover="echo recovering", shutdown="echo closing")}
            )
            await core.until(lambda: core.state(name) is State.BROKEN)
            await core.supervisor.stop_all(10)
            text = core.log(name)
            assert text.count("stdout. recovering.") == 2
            assert text.count("stdout. closing.") == 3
            order = [line for line in text.splitlines() if "stdout." in line]
            assert ["recovering" in line for line in order[:2]] == [True, False]

    run(scenario())


def test_a_wait_between_tries_is_ended_by_stop_and_by_restart(rig, spec):
    async def scenario():
        async with rig() as core:
            core.settings.backoff_s = (1000.0, 1000.0)
            name = "com.example.A"
            failing = spec(run="test -e ok && exec sleep 60; exit 1")
            core.supervisor.update({name: failing})
            await core.until(lambda: core.states(name)[-2:] == ["STOPPING", "INSTALLED"])
            assert core.supervisor.view(name).status_code == "RUN_ERROR"
            (core.work(name) / "ok").touch()
            core.supervisor.restart(name)
            await core.until(lambda: core.state(name) is State.RUNNING)
            core.supervisor.update({name: spec(install="exit 1", run="sleep 60")})
            await core.until(lambda: core.state(name) is State.ERRORED)
            core.supervisor.stop(name)
            await core.until(lambda: core.state(name) is State.FINISHED)

    run(scenario())


def test_upgrade_stops_the_old_version_with_its_own_shutdown_script(rig, spec):
    async def scenario():
        async with rig() as core:
            name = "com.example.A"
            await core.deploy(spec(run="sleep 60", shutdown="echo old goes"))
            await core.deploy(spec(version="1.1.0", run="sleep 61", shutdown="echo new goes"))
            assert core.supervisor.view(name).version == "1.1.0"
            assert "old goes" in core.log(name)
            assert "new goes" not in core.log(name)
            assert core.states(name)[-5:] == [
                "STOPPING", "NEW", "INSTALLED", "STARTING", "RUNNING",
            ]  # fmt: skip

    run(scenario())


def test_a_change_of_configuration_alone_restarts_nothing(rig, spec):
    async def scenario():
        async with rig() as core:
            await core.deploy(spec(run="sleep 60"))
            changes = len(core.changes)
            touched = core.supervisor.update(
                {"com.example.A": spec(run="sleep 60", configuration={"a": 1})}
            )
            assert touched == frozenset()
            assert len(core.changes) == changes
            assert core.supervisor.view("com.example.A").configuration == {"a": 1}

    run(scenario())


def test_stop_holds_until_restart(rig, spec):
    async def scenario():
        async with rig() as core:
            name, running = "com.example.A", spec(run="sleep 60", shutdown="exit 0")
            await core.deploy(running)
            core.supervisor.stop(name)
            await core.until(lambda: core.state(name) is State.FINISHED)
            assert core.supervisor.update({name: running}) == frozenset()
            assert core.state(name) is State.FINISHED
            core.supervisor.restart(name)
            await core.until(lambda: core.state(name) is State.RUNNING)

    run(scenario())


def test_a_failing_shutdown_is_noted_and_the_stop_goes_on(rig, spec):
    async def scenario():
        async with rig() as core:
            name = "com.example.A"
            await core.deploy(spec(run="sleep 60", shutdown=Step("sleep 60", timeout_s=0.05)))
            core.supervisor.stop(name)
            await core.until(lambda: core.state(name) is State.FINISHED)
            assert core.states(name)[-3:] == ["STOPPING", "ERRORED", "FINISHED"]
            assert core.codes(name) == ["SHUTDOWN_TIMEOUT"]

    run(scenario())


def test_removal_runs_uninstall_with_the_version_and_keeps_the_work_folder(rig, spec):
    async def scenario():
        async with rig() as core:
            name = "com.example.A"
            await core.deploy(
                spec(run="sleep 60", uninstall="echo bye $GREENGRASS_COMPONENT_VERSION; exit 1")
            )
            await core.supervisor.remove([name, "never.there"])
            assert core.supervisor.view(name) is None
            assert core.states(name)[-4:] == [
                "STOPPING", "FINISHED", "UNINSTALLING", "UNINSTALLED",
            ]  # fmt: skip
            assert "stdout. bye 1.0.0." in core.log(name)
            assert core.work(name).is_dir()

    run(scenario())


def test_reported_states_are_heard_where_the_table_allows(rig, spec):
    async def scenario():
        async with rig() as core:
            name = "com.example.A"
            core.supervisor.update({name: spec(startup="touch up; sleep 60")})
            await core.until(lambda: (core.work(name) / "up").exists())
            core.supervisor.request_state(name, State.RUNNING)
            await core.until(lambda: core.state(name) is State.RUNNING)
            core.supervisor.request_state(name, State.RUNNING)
            core.supervisor.request_state(name, State.ERRORED)
            await core.until(lambda: core.codes(name) == ["RUN_ERROR"])
            with pytest.raises(UsageError):
                core.supervisor.request_state(name, State.FINISHED)

    run(scenario())


def test_skipif_skips_the_step(rig, spec):
    async def scenario():
        async with rig() as core:
            name = "com.example.A"
            states = await core.deploy(
                spec(
                    install=Step("echo installing", skip_if=SkipIf("onpath", "sh")),
                    startup=Step("echo starting", skip_if=SkipIf("exists", "~root/work")),
                    run=Step("sleep 60", skip_if=SkipIf("onpath", "no-such-program")),
                )
            )
            assert states[name] is State.RUNNING
            assert "echo installing" not in core.log(name)
            assert "echo starting" not in core.log(name)

    run(scenario())


def test_unknown_names_are_refused_with_the_nearest(rig, spec):
    async def scenario():
        async with rig() as core:
            await core.deploy(spec("com.example.Printer"))
            with pytest.raises(UsageError) as raised:
                core.supervisor.restart("com.example.Pinter")
            assert "com.example.Printer" in (raised.value.hint or "")

    run(scenario())


def test_an_install_that_is_running_can_be_stopped_and_removed(rig, spec):
    async def scenario():
        async with rig() as core:
            name = "com.example.A"
            core.supervisor.update({name: spec(install="touch up; sleep 60")})
            await core.until(lambda: (core.work(name) / "up").exists())
            await asyncio.wait_for(core.supervisor.remove([name]), 10)
            assert core.supervisor.view(name) is None

    run(scenario())


def test_settling_ends_at_the_deadline_and_names_what_is_missing(rig, spec):
    async def scenario():
        async with rig() as core:
            core.supervisor.update({"a": spec("a", install="sleep 60")})
            with pytest.raises(TimeoutError, match="a is NEW"):
                await core.supervisor.wait_settled(["a"], 0.1)

    run(scenario())


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
