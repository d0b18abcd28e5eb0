"""Local deployments: what they change, what a failure leaves, what survives a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from greendock.base.errors import GreendockError
from greendock.deployment.document import ConfigurationUpdate, FailurePolicy, LocalRequest
from greendock.deployment.record import DetailedStatus, Phase, Status

APP = "com.example.App"
OnDevice = Callable[..., None]


def request(bench: Any, *recipes: Any, **what: Any) -> LocalRequest:
    what.setdefault("merge", {APP: "1.0.0"})
    return LocalRequest(recipe_paths=tuple(recipes), **what)


def test_a_deployed_component_runs_and_is_remembered(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        record = await bench.deploy(request(bench, bench.recipe(name=APP)))
        assert (record.status, record.detailed) == (Status.SUCCEEDED, DetailedStatus.SUCCESSFUL)
        assert bench.runner.running[APP].steps.run.script == "echo hello"
        assert bench.paths.recipe_file(APP, "1.0.0").exists()
        await bench.restart()
        assert bench.service.state.components[APP].version == "1.0.0"
        assert bench.service.get(record.id) == record

    on_device(scenario)


def test_phases_are_published_in_order(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await bench.deploy(request(bench, bench.recipe(name=APP)))
        phases = list(dict.fromkeys(record.phase for record in bench.news))
        assert phases == [
            Phase.QUEUED,
            Phase.RESOLVING,
            Phase.PREPARING,
            Phase.APPLYING,
            Phase.CLEANING_UP,
            Phase.DONE,
        ]

    on_device(scenario)


def test_a_faulty_recipe_changes_nothing_and_names_the_line(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        before = bench.files()
        path = bench.folder / "bad.yaml"
        path.write_text("RecipeFormatVersion: '2020-01-25'\nComponentName: a b\n")
        record = await bench.deploy(request(bench, path))
        assert record.detailed is DetailedStatus.FAILED_NO_STATE_CHANGE
        assert record.error_stack[:3] == (
            "DEPLOYMENT_FAILURE",
            "COMPONENT_PACKAGE_LOADING_ERROR",
            "RECIPE_PARSE_ERROR",
        )
        assert record.error_types == ("COMPONENT_RECIPE_ERROR",)
        assert f"{path}:2:" in (record.cause or "")
        assert bench.files() == before
        assert APP not in bench.runner.running

    on_device(scenario)


def test_a_version_that_cannot_be_resolved_says_what_excludes_it(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        record = await bench.deploy(
            request(
                bench,
                bench.recipe(name=APP, dependencies={"com.example.Lib": "^2.0.0"}),
                bench.recipe(name="com.example.Lib", version="1.0.0"),
            )
        )
        assert record.detailed is DetailedStatus.FAILED_NO_STATE_CHANGE
        assert record.error_stack[1:] == (
            "NO_AVAILABLE_COMPONENT_VERSION",
            "COMPONENT_VERSION_REQUIREMENTS_NOT_MET",
        )
        cause = record.cause or ""
        assert f"{APP} 1.0.0 requires com.example.Lib ^2.0.0" in cause
        assert f"1.0.0 (excluded by ^2.0.0 of {APP} 1.0.0)" in cause

    on_device(scenario)


def test_an_image_that_cannot_be_had_leaves_what_runs(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await bench.deploy(request(bench, bench.recipe(name=APP)))
        running, files = dict(bench.runner.running), bench.files()
        bench.images.error = GreendockError("no such image", codes=("DOCKER_ERROR",))
        record = await bench.deploy(
            request(
                bench,
                bench.recipe(name=APP, version="2.0.0", images=["nope:1"]),
                merge={APP: "2.0.0"},
                failure_policy=FailurePolicy.ROLLBACK,
            )
        )
        assert record.detailed is DetailedStatus.FAILED_NO_STATE_CHANGE
        assert record.error_stack == ("DEPLOYMENT_FAILURE", "DOCKER_ERROR")
        assert (bench.runner.running, bench.files()) == (running, files)
        assert bench.service.state.components[APP].version == "1.0.0"

    on_device(scenario)


def test_rollback_brings_components_configuration_and_files_back(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        folder = bench.folder / "artifacts" / APP / "1.0.0"
        folder.mkdir(parents=True)
        (folder / "data").write_text("one")
        recipe = bench.recipe(name=APP)
        artifacts = (bench.folder / "artifacts",)
        await bench.deploy(request(bench, recipe, artifact_folders=artifacts))
        before = bench.runner.running[APP]
        (folder / "data").write_text("changed")
        other = bench.recipe(name="com.example.Other")
        bench.runner.broken = {"com.example.Other 1.0.0"}
        record = await bench.deploy(
            request(
                bench,
                recipe,
                other,
                merge={APP: "1.0.0", "com.example.Other": "1.0.0"},
                configuration={APP: ConfigurationUpdate(merge={"message": "bye"})},
                artifact_folders=artifacts,
                failure_policy=FailurePolicy.ROLLBACK,
            )
        )
        assert record.detailed is DetailedStatus.FAILED_ROLLBACK_COMPLETE
        assert "COMPONENT_BROKEN" in record.error_stack
        assert "USER_COMPONENT_ERROR" in record.error_types
        assert bench.runner.running[APP] == before
        assert "com.example.Other" not in bench.runner.running
        assert (bench.paths.artifact_folder(APP, "1.0.0") / "data").read_text() == "one"
        assert set(bench.service.state.components) == {APP}

    on_device(scenario)


def test_do_nothing_stays_where_it_failed_and_says_so(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.runner.broken = {f"{APP} 1.0.0"}
        record = await bench.deploy(request(bench, bench.recipe(name=APP)))
        assert record.detailed is DetailedStatus.FAILED_ROLLBACK_NOT_REQUESTED
        assert record.status is Status.FAILED
        await bench.restart()
        assert set(bench.service.state.components) == {APP}

    on_device(scenario)


def test_a_request_is_a_delta_on_the_roots(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await bench.deploy(request(bench, bench.recipe(name=APP)))
        other = bench.recipe(name="com.example.Other", dependencies={"com.example.Lib": "*"})
        lib = bench.recipe(name="com.example.Lib")
        await bench.deploy(request(bench, other, lib, merge={"com.example.Other": "1.0.0"}))
        assert set(bench.service.state.components) == {APP, "com.example.Other", "com.example.Lib"}
        record = await bench.deploy(LocalRequest(remove=("com.example.Other",)))
        assert record.status is Status.SUCCEEDED
        assert set(bench.service.state.components) == {APP}
        assert sorted(bench.runner.removed) == ["com.example.Lib", "com.example.Other"]

    on_device(scenario)


def test_removing_what_is_not_there_is_said(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await bench.deploy(request(bench, bench.recipe(name=APP)))
        record = await bench.deploy(LocalRequest(remove=("com.example.Ap",)))
        assert record.status is Status.SUCCEEDED
        assert f"did you mean {APP}?" in record.warnings[0]

    on_device(scenario)


def test_configuration_is_merged_over_defaults_and_fills_the_lifecycle(
    on_device: OnDevice,
) -> None:
    async def scenario(bench: Any) -> None:
        update = {APP: ConfigurationUpdate(merge={"message": "deployed"})}
        await bench.deploy(request(bench, bench.recipe(name=APP), configuration=update))
        assert bench.runner.running[APP].steps.run.script == "echo deployed"
        reset = {APP: ConfigurationUpdate(reset=("/message",))}
        await bench.deploy(request(bench, configuration=reset))
        assert bench.runner.running[APP].steps.run.script == "echo hello"

    on_device(scenario)


def test_the_documents_built_in_versions_resolve(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        for number, wanted in enumerate(("~2.0.0", "2.0.4", ">=2.0.0 <2.1.0")):
            manager = "aws.greengrass.DockerApplicationManager"
            recipe = bench.recipe(
                name=APP, version=f"1.0.{number}", dependencies={manager: wanted}
            )
            record = await bench.deploy(request(bench, recipe, merge={APP: f"1.0.{number}"}))
            assert record.status is Status.SUCCEEDED, record.cause
            assert bench.service.state.components[manager].version == "2.0.16"

    on_device(scenario)


def test_an_image_without_the_application_manager_is_fetched_with_a_warning(
    on_device: OnDevice,
) -> None:
    async def scenario(bench: Any) -> None:
        record = await bench.deploy(request(bench, bench.recipe(name=APP, images=["mysql:8.0"])))
        assert record.status is Status.SUCCEEDED
        assert bench.images.asked == ["docker:mysql:8.0"]
        assert "aws.greengrass.DockerApplicationManager" in record.warnings[0]

    on_device(scenario)


def test_cancel_works_while_queued_and_while_preparing(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.images.hold = asyncio.Event()
        recipe = bench.recipe(name=APP, images=["mysql:8.0"])
        first = bench.service.submit(request(bench, recipe))
        second = bench.service.submit(request(bench, recipe))
        while not bench.images.asked:
            await asyncio.sleep(0.001)
        assert "Cancel request submitted" in await bench.service.cancel(second)
        assert "Cancel request submitted" in await bench.service.cancel(first)
        for deployment_id in (first, second):
            assert (await bench.ended(deployment_id)).status is Status.CANCELED
        assert "already finished" in await bench.service.cancel(first)
        assert APP not in bench.runner.running
        assert bench.files() == {}

    on_device(scenario)


def test_cancel_is_refused_once_components_are_being_changed(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.runner.hold = asyncio.Event()
        deployment_id = bench.service.submit(request(bench, bench.recipe(name=APP)))
        while APP not in bench.runner.running:
            await asyncio.sleep(0.001)
        assert "can't be cancelled" in await bench.service.cancel(deployment_id)
        bench.runner.hold.set()
        assert (await bench.ended(deployment_id)).status is Status.SUCCEEDED

    on_device(scenario)


def test_a_core_killed_while_applying_starts_with_the_old_set(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await bench.deploy(request(bench, bench.recipe(name=APP)))
        bench.runner.hold = asyncio.Event()
        second = bench.recipe(name=APP, version="2.0.0")
        deployment_id = bench.service.submit(request(bench, second, merge={APP: "2.0.0"}))
        while bench.runner.running[APP].version != "2.0.0":
            await asyncio.sleep(0.001)
        await bench.restart()
        assert bench.recovered[-1] is False
        assert bench.service.state.components[APP].version == "1.0.0"
        record = bench.service.get(deployment_id)
        assert record.detailed is DetailedStatus.FAILED_ROLLBACK_COMPLETE
        assert "DEPLOYMENT_INTERRUPTED" in record.error_stack

    on_device(scenario)


def test_a_queued_request_outlives_the_core(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.images.hold = asyncio.Event()
        recipe = bench.recipe(name=APP, images=["mysql:8.0"])
        bench.service.submit(request(bench, recipe))
        queued = bench.service.submit(
            request(
                bench, bench.recipe(name="com.example.Other"), merge={"com.example.Other": "1.0.0"}
            )
        )
        while not bench.images.asked:
            await asyncio.sleep(0.001)
        await bench.restart()
        assert (await bench.ended(queued)).status is Status.SUCCEEDED
        assert set(bench.service.state.components) == {"com.example.Other"}

    on_device(scenario)


def test_settings_that_the_core_could_not_work_with_are_refused(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.core.faulty_settings = True
        record = await bench.deploy(request(bench, bench.recipe(name=APP)))
        assert record.detailed is DetailedStatus.FAILED_NO_STATE_CHANGE
        assert "COMPONENT_CONFIGURATION_NOT_VALID" in record.error_stack

    on_device(scenario)


def test_the_history_is_bounded(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        recipe = bench.recipe(name=APP)
        for _ in range(105):
            await bench.deploy(request(bench, recipe))
        assert len(bench.service.all()) <= 101

    on_device(scenario)


def test_an_image_built_anew_under_its_name_restarts_the_component(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        recipe = bench.recipe(name=APP, images=["hello:1.0.0"])
        await bench.deploy(request(bench, recipe))
        first = bench.runner.running[APP]
        await bench.deploy(request(bench, recipe))
        assert bench.runner.running[APP] == first
        bench.images.image_id = "sha256:2"
        await bench.deploy(request(bench, recipe))
        assert bench.runner.running[APP].content_id != first.content_id

    on_device(scenario)


def test_what_is_likely_to_go_wrong_is_said_and_does_not_stop_it(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.core.trouble = {APP: "ggc_user may not use the engine"}
        record = await bench.deploy(request(bench, bench.recipe(name=APP)))
        assert record.status is Status.SUCCEEDED
        assert "ggc_user may not use the engine" in record.warnings

    on_device(scenario)
