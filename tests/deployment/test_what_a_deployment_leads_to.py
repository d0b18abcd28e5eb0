"""Roots, groups, versions, recipes and settings: what a deployment makes of the device's state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from greendock.deployment.document import ConfigurationUpdate, FailurePolicy, LocalRequest
from greendock.deployment.record import DetailedStatus, Status
from greendock.lifecycle.model import ResourceLimits, RunWith

APP, LIB, OTHER = "com.example.App", "com.example.Lib", "com.example.Other"
NUCLEUS = "aws.greengrass.Nucleus"
GROUP = "thinggroup/line-1"
OnDevice = Callable[..., None]


def request(bench: Any, name: str = APP, version: str = "1.0.0", **what: Any) -> LocalRequest:
    recipe = bench.recipe(name=name, version=version, **what.pop("recipe", {}))
    return LocalRequest(merge={name: version}, recipe_paths=(recipe,), **what)


async def done(bench: Any, wanted: LocalRequest) -> Any:
    record = await bench.deploy(wanted)
    assert record.status is Status.SUCCEEDED, record.cause
    return record


@pytest.mark.parametrize("version", ["latest", "^1.0.0", "1.0", "", "1.0.0 || 2.0.0"])
def test_a_root_without_one_exact_version_is_refused(on_device: OnDevice, version: str) -> None:
    async def scenario(bench: Any) -> None:
        record = await bench.deploy(LocalRequest(merge={APP: version}))
        assert record.detailed is DetailedStatus.FAILED_NO_STATE_CHANGE
        assert f"cannot deploy {APP}" in (record.cause or "")
        assert "COMPONENT_VERSION_NOT_VALID" in record.error_stack

    on_device(scenario)


def test_a_removed_root_that_another_needs_stays_and_that_is_said(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await done(bench, request(bench, LIB))
        await done(bench, request(bench, APP, recipe={"dependencies": {LIB: "*"}}))
        record = await done(bench, LocalRequest(remove=(LIB,)))
        assert LIB in bench.service.state.components
        assert any(f"{LIB} is no longer a root" in text for text in record.warnings)
        await done(bench, LocalRequest(remove=(APP,)))
        assert set(bench.service.state.components) == set()

    on_device(scenario)


def test_each_group_keeps_its_roots(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await done(bench, request(bench, APP))
        await done(bench, request(bench, OTHER, group=GROUP))
        assert bench.service.state.roots == {
            "LOCAL_DEPLOYMENT": {APP: "1.0.0"},
            GROUP: {OTHER: "1.0.0"},
        }
        record = await bench.deploy(request(bench, OTHER, "2.0.0"))
        assert f"{GROUP} requires {OTHER} =1.0.0" in (record.cause or "")
        assert f"the local deployment requires {OTHER} =2.0.0" in (record.cause or "")
        await bench.restart()
        await done(bench, LocalRequest(group=GROUP, remove=(OTHER,)))
        assert set(bench.service.state.components) == {APP}

    on_device(scenario)


def test_a_downgrade_is_a_deployment_like_any_other(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await done(bench, request(bench, version="1.0.0"))
        await done(bench, request(bench, version="2.0.0"))
        await done(bench, LocalRequest(merge={APP: "1.0.0"}))
        assert bench.runner.running[APP].version == "1.0.0"
        assert bench.service.state.components[APP].previous_version == "2.0.0"

    on_device(scenario)


def test_a_changed_recipe_of_the_version_that_runs_takes_effect_or_leaves_no_trace(
    on_device: OnDevice,
) -> None:
    async def scenario(bench: Any) -> None:
        await done(bench, request(bench))
        stored = bench.paths.recipe_file(APP, "1.0.0").read_text()
        changed = bench.recipe(name=APP)
        changed.write_text(changed.read_text().replace("echo", "printf"))
        again = LocalRequest(
            merge={APP: "1.0.0"},
            recipe_paths=(changed,),
            failure_policy=FailurePolicy.ROLLBACK,
        )
        bench.runner.stuck = {APP}
        record = await bench.deploy(again)
        assert record.status is Status.FAILED
        assert bench.runner.running[APP].steps.run.script == "echo hello"
        assert bench.paths.recipe_file(APP, "1.0.0").read_text() == stored
        bench.runner.stuck = set()
        await done(bench, again)
        assert bench.runner.running[APP].steps.run.script == "printf hello"
        assert "printf" in bench.paths.recipe_file(APP, "1.0.0").read_text()

    on_device(scenario)


def test_a_stored_recipe_that_was_changed_by_hand_does_not_change_what_runs(
    on_device: OnDevice,
) -> None:
    async def scenario(bench: Any) -> None:
        await done(bench, request(bench))
        stored = bench.paths.recipe_file(APP, "1.0.0")
        stored.write_text(stored.read_text().replace("echo", "printf"))
        await done(bench, request(bench, OTHER))
        assert bench.runner.running[APP].steps.run.script == "echo hello"
        await bench.restart()
        assert bench.runner.running[APP].steps.run.script == "echo hello"

    on_device(scenario)


def test_a_faulty_file_in_the_store_concerns_only_who_needs_that_version(
    on_device: OnDevice,
) -> None:
    async def scenario(bench: Any) -> None:
        await done(bench, request(bench, LIB, "1.0.0"))
        for version in ("0.9.0", "3.0.0", "not a version"):
            file = bench.paths.recipe_file(LIB, "1.0.0")
            file.with_name(file.name.replace("1.0.0", version)).write_text("garbage: [")
        await done(bench, request(bench, APP, recipe={"dependencies": {LIB: "*"}}))
        needs = {"dependencies": {LIB: "3.0.0"}}
        record = await bench.deploy(request(bench, OTHER, recipe=needs, remove=(LIB,)))
        assert "3.0.0 (can't be used: its stored recipe can't be read" in (record.cause or "")

    on_device(scenario)


def test_a_component_whose_recipe_is_not_accepted_any_more_keeps_nobody_away(
    on_device: OnDevice,
) -> None:
    async def scenario(bench: Any) -> None:
        await done(bench, request(bench, APP))
        await done(bench, request(bench, OTHER, recipe={"dependencies": {APP: "*"}}))
        await done(bench, request(bench, LIB))
        bench.database.execute("UPDATE component SET recipe = 'no: recipe' WHERE name = ?", APP)
        await bench.restart()
        assert {OTHER, LIB} <= bench.runner.running.keys()
        assert APP not in bench.runner.running
        assert any(f"cannot start {APP} 1.0.0" in fault for fault in bench.faults)
        record = await bench.deploy(request(bench, "com.example.New"))
        assert record.detailed is DetailedStatus.FAILED_NO_STATE_CHANGE
        assert APP in (record.cause or "")
        await done(bench, request(bench, APP))
        assert APP in bench.runner.running

    on_device(scenario)


def test_what_is_deployed_is_not_parsed_again(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await done(bench, request(bench))
        first = bench.service.current.recipes[APP, "1.0.0"]
        await done(bench, request(bench, OTHER))
        assert bench.service.current.recipes[APP, "1.0.0"] is first

    on_device(scenario)


def test_run_with_is_kept_until_another_one_is_given(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        limits = ResourceLimits(memory_kb=1000)
        steps = [
            (RunWith("u:g", limits), RunWith("u:g", limits)),
            (None, RunWith("u:g", limits)),
            (RunWith("other"), RunWith("other", limits)),
            (RunWith(None, ResourceLimits()), RunWith("other", ResourceLimits())),
        ]
        for given, expected in steps:
            wanted = request(bench, run_with={APP: given} if given else {})
            await done(bench, wanted)
            assert bench.runner.running[APP].run_with == expected
            await bench.restart()
            assert bench.runner.running[APP].run_with == expected

    on_device(scenario)


def test_the_default_user_and_limits_are_part_of_what_a_component_runs_by(
    on_device: OnDevice,
) -> None:
    async def scenario(bench: Any) -> None:
        await done(bench, request(bench))
        default = RunWith("service", ResourceLimits(cpus=0.5))
        bench.core.run_with = default
        await done(bench, LocalRequest(merge={APP: "1.0.0"}))
        assert bench.runner.running[APP].run_with == default
        assert APP in bench.runner.waited_for[-1]
        assert bench.service.state.components[APP].run_with == RunWith()

    on_device(scenario)


def test_settings_count_before_components_are_changed_and_go_back_with_them(
    on_device: OnDevice,
) -> None:
    async def scenario(bench: Any) -> None:
        def level(state: Any) -> Any:
            nucleus = state.components.get(NUCLEUS)
            return nucleus and nucleus.configuration["logging"]["level"].value

        def settings(text: str, version: str) -> LocalRequest:
            update = ConfigurationUpdate(merge={"logging": {"level": text}})
            return LocalRequest(
                merge={NUCLEUS: "2.18.0", APP: version},
                recipe_paths=(bench.recipe(name=APP, version=version),),
                configuration={NUCLEUS: update},
                failure_policy=FailurePolicy.ROLLBACK,
            )

        await done(bench, settings("DEBUG", "1.0.0"))
        bench.runner.hold = asyncio.Event()
        bench.runner.broken = {f"{APP} 2.0.0"}
        deployment = bench.service.submit(settings("WARN", "2.0.0"))
        await bench.until(lambda: bench.runner.running[APP].version == "2.0.0")
        assert [level(state) for state in bench.core.adopted] == ["DEBUG", "WARN"]
        bench.runner.hold.set()
        await bench.ended(deployment)
        assert level(bench.core.adopted[-1]) == "DEBUG"

    on_device(scenario)


def test_a_core_that_is_stopped_goes_on_or_goes_back_at_its_next_start(
    on_device: OnDevice,
) -> None:
    async def scenario(bench: Any) -> None:
        bench.images.hold = asyncio.Event()
        deployment = bench.service.submit(request(bench, recipe={"images": ["a:1"]}))
        await bench.until(lambda: bench.images.asked)
        await bench.service.stop()
        assert bench.service.get(deployment).status is Status.QUEUED
        await bench.restart()
        assert (await bench.ended(deployment)).status is Status.SUCCEEDED

        bench.runner.hold = asyncio.Event()
        deployment = bench.service.submit(request(bench, version="2.0.0"))
        await bench.until(lambda: bench.runner.running[APP].version == "2.0.0")
        await bench.service.stop()
        await bench.restart()
        assert bench.service.get(deployment).detailed is DetailedStatus.FAILED_ROLLBACK_COMPLETE
        assert bench.runner.running[APP].version == "1.0.0"

        bench.runner.hold_removal = asyncio.Event()
        deployment = bench.service.submit(
            LocalRequest(
                merge={OTHER: "1.0.0"},
                remove=(APP,),
                recipe_paths=(bench.recipe(name=OTHER),),
            )
        )
        await bench.until(lambda: bench.service.get(deployment).phase == "cleaning up")
        await bench.service.stop()
        await bench.restart()
        assert bench.service.get(deployment).status is Status.SUCCEEDED
        assert set(bench.service.state.components) == {OTHER}

    on_device(scenario)
