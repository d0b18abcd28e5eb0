"""Whatever goes wrong, a deployment ends, says why, and the next one gets its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from greendock.base.errors import DeviceError, GreendockError, UsageError
from greendock.deployment.document import FailurePolicy, LocalRequest
from greendock.deployment.executor import Limits
from greendock.deployment.record import DetailedStatus, ImageWaiting, Phase, Status
from greendock.deployment.service import MOST_QUEUED
from greendock.docker.model import ImageProgress, ImageWait

APP, OTHER = "com.example.App", "com.example.Other"
ROLLBACK, DO_NOTHING = FailurePolicy.ROLLBACK, FailurePolicy.DO_NOTHING
OnDevice = Callable[..., None]


def request(bench: Any, name: str = APP, version: str = "1.0.0", **what: Any) -> LocalRequest:
    recipe = bench.recipe(name=name, version=version, **what.pop("recipe", {}))
    return LocalRequest(merge={name: version}, recipe_paths=(recipe,), **what)


def with_artifact(bench: Any, content: str, **what: Any) -> LocalRequest:
    folder = bench.folder / "artifacts" / APP / "1.0.0"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data").write_text(content)
    return request(bench, artifact_folders=(bench.folder / "artifacts",), **what)


async def works_again(bench: Any) -> None:
    record = await bench.deploy(request(bench, "com.example.Next"))
    assert record.status is Status.SUCCEEDED, record.cause


@pytest.mark.parametrize("policy", [ROLLBACK, DO_NOTHING])
def test_what_nobody_foresaw_fails_the_deployment(
    on_device: OnDevice, policy: FailurePolicy
) -> None:
    async def scenario(bench: Any) -> None:
        bench.images.error = ZeroDivisionError("in the image work")
        bad = request(bench, recipe={"images": ["a:1"]}, failure_policy=policy)
        record = await bench.deploy(bad)
        assert record.detailed is DetailedStatus.FAILED_NO_STATE_CHANGE
        assert "ZeroDivisionError: in the image work" in (record.cause or "")
        await works_again(bench)

    on_device(scenario)


def test_a_component_that_does_not_settle_is_named(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.runner.stuck = {APP}
        record = await bench.deploy(request(bench, failure_policy=ROLLBACK))
        assert record.detailed is DetailedStatus.FAILED_ROLLBACK_COMPLETE
        assert f"{APP} is STARTING" in (record.cause or "")
        assert "COMPONENT_UPDATE_ERROR" in record.error_stack
        await works_again(bench)

    on_device(scenario)


def test_the_deadline_counts_while_images_are_fetched(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.core.deadline_s = 0.05
        bench.images.hold = asyncio.Event()
        record = await bench.deploy(request(bench, recipe={"images": ["a:1"]}))
        assert record.detailed is DetailedStatus.FAILED_NO_STATE_CHANGE
        assert "not ready within 0.05 s" in (record.cause or "")
        assert "DEPLOYMENT_INTERRUPTED" in record.error_stack

    on_device(scenario)


def test_a_time_out_of_something_else_is_not_taken_for_the_deadline(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.images.error = TimeoutError(110, "Connection timed out")
        record = await bench.deploy(request(bench, recipe={"images": ["a:1"]}))
        assert "Connection timed out" in (record.cause or "")
        assert "IO_ERROR" in record.error_stack

    on_device(scenario)


def test_a_runner_that_never_answers_is_given_up(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.core.deadline_s = 0.1
        bench.limits = Limits(rollback_s=0.1, removal_s=0.05)
        await bench.restart()
        bench.runner.hold = asyncio.Event()
        record = await bench.deploy(request(bench, failure_policy=ROLLBACK))
        assert record.detailed is DetailedStatus.FAILED_UNABLE_TO_ROLLBACK
        assert "did not end in time" in (record.cause or "")
        bench.runner.hold = None
        bench.core.deadline_s = 30
        await works_again(bench)

    on_device(scenario)


def test_files_that_cannot_be_put_in_place_change_nothing(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await bench.deploy(with_artifact(bench, "one"))
        before, running = bench.files(), dict(bench.runner.running)
        bench.images.hold = asyncio.Event()
        deployment = bench.service.submit(
            with_artifact(bench, "changed", recipe={"images": ["a:1"]})
        )
        folder = bench.paths.artifacts / APP

        def staged() -> list[Any]:
            return list(folder.glob(".*.new/data"))

        await bench.until(lambda: bench.images.asked and staged())
        staged()[0].parent.rename(bench.folder / "gone")
        bench.images.hold.set()
        record = await bench.ended(deployment)
        assert record.detailed is DetailedStatus.FAILED_NO_STATE_CHANGE
        assert (bench.files(), bench.runner.running) == (before, running)
        await works_again(bench)

    on_device(scenario)


def test_a_removal_that_hangs_is_said_and_taken_up_again(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.limits = Limits(removal_s=0.05)
        await bench.restart()
        await bench.deploy(request(bench))
        bench.runner.hold_removal = asyncio.Event()
        record = await bench.deploy(LocalRequest(remove=(APP,)))
        assert record.status is Status.SUCCEEDED
        assert f"still being removed after 0.05 s: {APP}" in record.warnings
        assert APP not in bench.service.state.components
        bench.runner.hold_removal = None
        await bench.deploy(request(bench, OTHER))
        assert APP not in bench.runner.running
        assert OTHER in bench.runner.running

    on_device(scenario)


def test_a_component_whose_removal_hangs_can_be_deployed_again(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.limits = Limits(removal_s=0.05)
        await bench.restart()
        await bench.deploy(request(bench))
        hanging = bench.runner.hold_removal = asyncio.Event()
        await bench.deploy(LocalRequest(remove=(APP,)))
        bench.runner.hold_removal = None
        record = await bench.deploy(request(bench))
        hanging.set()
        assert record.status is Status.SUCCEEDED
        await works_again(bench)
        assert APP in bench.runner.running

    on_device(scenario)


def test_a_rollback_does_not_wait_for_what_was_broken_before(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await bench.deploy(request(bench))
        needs = {"dependencies": {APP: "*"}}
        await bench.deploy(request(bench, OTHER, recipe=needs))
        bench.runner.broken = {f"{APP} 1.0.0"}
        record = await bench.deploy(request(bench, "com.example.New", failure_policy=ROLLBACK))
        assert record.detailed is DetailedStatus.FAILED_ROLLBACK_COMPLETE
        assert not bench.runner.waited_for[-1] & {APP, OTHER}

    on_device(scenario)


def test_why_going_back_failed_is_in_the_cause_too(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await bench.deploy(request(bench))
        bench.runner.broken = {f"{APP} 1.0.0", f"{APP} 2.0.0"}
        bench.runner.running[APP] = bench.runner.running["aws.greengrass.Cli"]
        record = await bench.deploy(request(bench, version="2.0.0", failure_policy=ROLLBACK))
        assert record.detailed is DetailedStatus.FAILED_UNABLE_TO_ROLLBACK
        assert "2.0.0 is BROKEN" in (record.cause or "")
        assert "going back failed as well" in (record.cause or "")
        assert "1.0.0 is BROKEN" in (record.cause or "")

    on_device(scenario)


def test_a_request_that_cannot_be_stored_is_refused_at_once(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.protect(True)
        with pytest.raises(DeviceError, match="cannot write the core's database"):
            bench.service.submit(request(bench))
        bench.protect(False)
        assert bench.service.all() == []
        await works_again(bench)

    on_device(scenario)


@pytest.mark.parametrize("policy", [ROLLBACK, DO_NOTHING])
@pytest.mark.parametrize("breaks", [False, True], ids=["runs", "breaks"])
def test_a_result_that_cannot_be_stored_is_not_kept(
    on_device: OnDevice, policy: FailurePolicy, breaks: bool
) -> None:
    async def scenario(bench: Any) -> None:
        await bench.deploy(with_artifact(bench, "one"))
        before, files = bench.runner.running[APP], bench.files()
        bench.runner.hold = asyncio.Event()
        bench.runner.broken = {f"{OTHER} 1.0.0"} if breaks else set()
        changed = with_artifact(bench, "two!", failure_policy=policy)
        other = bench.recipe(name=OTHER)
        deployment = bench.service.submit(
            LocalRequest(
                merge={APP: "1.0.0", OTHER: "1.0.0"},
                recipe_paths=(*changed.recipe_paths, other),
                artifact_folders=changed.artifact_folders,
                failure_policy=policy,
            )
        )
        await bench.until(lambda: OTHER in bench.runner.running)
        bench.protect(True)
        bench.runner.hold.set()
        record = await bench.ended(deployment)
        assert record.detailed is DetailedStatus.FAILED_ROLLBACK_COMPLETE
        assert "IO_WRITE_ERROR" in record.error_stack or breaks
        assert bench.news[-1] == record
        assert bench.service.all()[-1] == record
        assert (bench.runner.running[APP], bench.files()) == (before, files)
        assert OTHER not in bench.runner.running
        bench.protect(False)
        await works_again(bench)
        await bench.restart()
        assert bench.service.get(deployment) == record

    on_device(scenario)


def test_a_rollback_is_carried_out_though_nothing_can_be_stored(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await bench.deploy(request(bench))
        bench.runner.hold = asyncio.Event()
        bench.runner.broken = {f"{APP} 2.0.0"}
        newer = request(bench, version="2.0.0", failure_policy=ROLLBACK)
        deployment = bench.service.submit(newer)
        await bench.until(lambda: bench.runner.running[APP].version == "2.0.0")
        bench.protect(True)
        bench.runner.hold.set()
        record = await bench.ended(deployment)
        assert record.detailed is DetailedStatus.FAILED_ROLLBACK_COMPLETE
        assert bench.runner.running[APP].version == "1.0.0"
        bench.protect(False)

    on_device(scenario)


def test_a_core_starts_though_nothing_can_be_stored(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await bench.deploy(request(bench))
        bench.runner.hold = asyncio.Event()
        deployment = bench.service.submit(request(bench, version="2.0.0"))
        await bench.until(lambda: bench.runner.running[APP].version == "2.0.0")
        await bench.kill()
        bench.database = bench.read_only_database()
        bench.reopen()
        assert bench.runner.running[APP].version == "1.0.0"
        assert bench.service.get(deployment).status is Status.FAILED
        bench.protect(False)
        await works_again(bench)

    on_device(scenario)


def test_the_cause_is_kept_when_a_rollback_is_interrupted(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.runner.broken = {f"{APP} 1.0.0"}
        bench.runner.hold_removal = asyncio.Event()
        deployment = bench.service.submit(request(bench, failure_policy=ROLLBACK))
        await bench.until(lambda: bench.service.get(deployment).phase is Phase.ROLLING_BACK)
        await bench.restart()
        record = bench.service.get(deployment)
        assert record.detailed is DetailedStatus.FAILED_ROLLBACK_COMPLETE
        assert f"{APP} 1.0.0 is BROKEN" in (record.cause or "")
        assert {"COMPONENT_BROKEN", "DEPLOYMENT_INTERRUPTED"} <= set(record.error_stack)

    on_device(scenario)


def test_too_many_requests_are_refused(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.images.hold = asyncio.Event()
        one = request(bench, recipe={"images": ["a:1"]})
        bench.service.submit(one)
        await bench.until(lambda: bench.images.asked)
        for _ in range(MOST_QUEUED):
            bench.service.submit(one)
        with pytest.raises(UsageError, match="are waiting"):
            bench.service.submit(one)
        for record in bench.service.all()[::-1]:
            await bench.service.cancel(record.id)

    on_device(scenario)


def test_a_request_is_forgotten_when_it_has_ended(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        record = await bench.deploy(request(bench))
        rows = bench.database.query("SELECT request FROM deployment WHERE id = ?", record.id)
        assert [row["request"] for row in rows] == [""]

    on_device(scenario)


def test_a_cause_of_any_length_is_cut(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.images.error = GreendockError("x" * 10_000_000)
        record = await bench.deploy(request(bench, recipe={"images": ["a:1"]}))
        assert len(record.cause or "") < 21_000
        assert (record.cause or "").endswith("more characters)")

    on_device(scenario)


def test_a_newer_deployment_can_take_the_place_of_stuck_ones(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.images.hold = asyncio.Event()
        stuck = bench.service.submit(
            LocalRequest(
                merge={APP: "1.0.0"}, recipe_paths=(bench.recipe(name=APP, images=["a:1"]),)
            )
        )
        await bench.until(lambda: bench.images.asked)
        queued = bench.service.submit(LocalRequest(remove=(APP,)))
        newer = bench.service.submit(
            LocalRequest(merge={OTHER: "1.0.0"}, recipe_paths=(bench.recipe(name=OTHER),))
        )
        assert sorted(await bench.service.supersede(newer)) == sorted([stuck, queued])
        assert (await bench.ended(newer)).status is Status.SUCCEEDED
        for old in (stuck, queued):
            record = await bench.ended(old)
            assert record.status is Status.CANCELED
            assert record.cause == f"superseded by deployment {newer}"
        assert APP not in bench.service.state.components

    on_device(scenario)


def test_what_is_being_applied_is_not_superseded(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.runner.hold = asyncio.Event()
        first = bench.service.submit(request(bench))
        await bench.until(lambda: bench.runner.waited_for)
        newer = bench.service.submit(request(bench, OTHER))
        assert await bench.service.supersede(newer) == []
        bench.runner.hold.set()
        assert (await bench.ended(first)).status is Status.SUCCEEDED
        assert (await bench.ended(newer)).status is Status.SUCCEEDED

    on_device(scenario)


def test_what_an_image_waits_for_is_part_of_the_description(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.images.hold = asyncio.Event()
        wait = ImageWait(2, 1700000000.0, "no network")
        bench.images.news = [ImageProgress("a:1", "waiting", wait=wait)]
        deployment = bench.service.submit(
            LocalRequest(
                merge={APP: "1.0.0"}, recipe_paths=(bench.recipe(name=APP, images=["a:1"]),)
            )
        )
        await bench.until(lambda: bench.service.get(deployment).waits)
        assert bench.service.get(deployment).waits == (
            ImageWaiting("a:1", 2, 1700000000.0, "no network"),
        )
        bench.images.hold.set()
        assert (await bench.ended(deployment)).waits == ()

    on_device(scenario)
