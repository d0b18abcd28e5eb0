"""When a deployment asks components, and that nothing has changed until they have answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from greendock.deployment.deferral import Deferral, UpdateAhead, UpdateOver
from greendock.deployment.document import ConfigurationUpdate, LocalRequest
from greendock.deployment.record import Asked, DeploymentNote, DetailedStatus, Status
from greendock.deployment.validity import ValidityReport

APP, OTHER = "com.example.App", "com.example.Other"
OnDevice = Callable[..., None]


class Voice:
    """A component that is told, and answers when the test says so."""

    def __init__(self, bench: Any, name: str = APP) -> None:
        self.heard: list[Any] = []
        self._bench, self._name = bench, name
        self.end_updates = bench.consent.updates.subscribe(name, self._tell)
        self.end_checks = bench.consent.checks.subscribe(name, self._tell)

    def _tell(self, event: Any) -> bool:
        self.heard.append(event)
        return True

    def defer(self, recheck_ms: int = 0, message: str | None = None) -> None:
        answer = Deferral(recheck_ms, message)
        self._bench.consent.updates.defer(self._name, self.heard[-1].deployment_id, answer)

    def report(self, accepted: bool, message: str | None = None) -> None:
        answer = ValidityReport(accepted, message)
        self._bench.consent.checks.report(self._name, self.heard[-1].deployment_id, answer)


def request(bench: Any, name: str = APP, version: str = "1.0.0", **what: Any) -> LocalRequest:
    recipe = bench.recipe(name=name, version=version)
    return LocalRequest(merge={name: version}, recipe_paths=(recipe,), **what)


def configured(bench: Any, message: str, name: str = APP, **what: Any) -> LocalRequest:
    update = {name: ConfigurationUpdate({"message": message})}
    return request(bench, name, configuration=update, **what)


def device(bench: Any) -> Any:
    return dict(bench.runner.running), bench.files(), bench.service.state


async def deployed(bench: Any, wanted: LocalRequest) -> None:
    record = await bench.deploy(wanted)
    assert record.status is Status.SUCCEEDED, record.cause


@pytest.mark.parametrize("asked", ["notify_s", "validate_s"])
@pytest.mark.parametrize("way", ["cancel", "supersede", "leave"])
def test_a_wait_for_components_ends(on_device: OnDevice, asked: str, way: str) -> None:
    async def scenario(bench: Any) -> None:
        await deployed(bench, request(bench))
        voice, before = Voice(bench), device(bench)
        wanted = configured(bench, "new", **{asked: 3600.0})
        deployment = bench.service.submit(wanted)
        await bench.until(lambda: voice.heard)
        await bench.until(lambda: bench.service.get(deployment).waits)
        [wait] = bench.service.get(deployment).waits
        about = Asked.UPDATE if asked == "notify_s" else Asked.CONFIGURATION
        assert (wait.component, wait.about, wait.deferred) == (APP, about, False)
        assert 3500 < wait.until - bench.service.get(deployment).created_at < 3700
        assert bench.runner.running == before[0]
        if way == "cancel":
            await bench.service.cancel(deployment)
        elif way == "supersede":
            await bench.service.supersede("another")
        else:
            voice.end_updates()
            voice.end_checks()
        record = await bench.ended(deployment)
        if way == "leave":
            assert record.status is Status.SUCCEEDED
        else:
            assert record.status is Status.CANCELED
            assert device(bench) == before
            over = [UpdateOver(deployment)] if asked == "notify_s" else []
            assert voice.heard[1:] == over
        assert record.waits == ()
        await deployed(bench, request(bench, OTHER))

    on_device(scenario)


def test_a_rejected_configuration_leaves_the_device_as_it_was(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await deployed(bench, request(bench))
        voice, before = Voice(bench), device(bench)
        deployment = bench.service.submit(configured(bench, "new", validate_s=60.0))
        await bench.until(lambda: voice.heard)
        assert voice.heard[0].configuration == {"message": "new"}
        voice.report(False, "too new")
        record = await bench.ended(deployment)
        assert record.detailed is DetailedStatus.FAILED_NO_STATE_CHANGE
        assert "COMPONENT_CONFIGURATION_NOT_VALID" in record.error_stack
        assert f"{APP} rejects its new configuration: too new" in (record.cause or "")
        assert device(bench) == before
        assert bench.images.asked == []

    on_device(scenario)


def test_components_whose_configuration_stays_are_not_asked(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await deployed(bench, request(bench))
        await deployed(bench, request(bench, OTHER))
        app, other = Voice(bench), Voice(bench, OTHER)
        deployment = bench.service.submit(configured(bench, "new", OTHER, validate_s=60.0))
        await bench.until(lambda: other.heard)
        other.report(True)
        record = await bench.ended(deployment)
        assert (record.status, app.heard) == (Status.SUCCEEDED, [])
        assert bench.runner.running[OTHER].configuration == {"message": "new"}

    on_device(scenario)


def test_an_update_goes_ahead_when_nobody_defers_it_any_more(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        notes: list[str] = []
        bench.bus.listen(lambda note: notes.append(note.text), DeploymentNote)
        await deployed(bench, request(bench))
        voice = Voice(bench)
        deployment = bench.service.submit(request(bench, version="2.0.0", notify_s=60.0))
        await bench.until(lambda: voice.heard)
        voice.defer(100, "busy")
        await bench.until(lambda: len(voice.heard) == 2)
        assert bench.runner.running[APP].version == "1.0.0"
        voice.defer()
        record = await bench.ended(deployment)
        assert (record.status, record.warnings) == (Status.SUCCEEDED, ())
        assert bench.runner.running[APP].version == "2.0.0"
        ahead = UpdateAhead(deployment)
        assert voice.heard == [ahead, ahead, UpdateOver(deployment)]
        assert notes == [
            f"waiting for {APP} to agree to the update",
            f"{APP} defers the update: busy",
        ]

    on_device(scenario)


@pytest.mark.parametrize("asked", ["notify_s", "validate_s"])
def test_a_component_that_never_answers_holds_nothing_up_for_ever(
    on_device: OnDevice, asked: str
) -> None:
    async def scenario(bench: Any) -> None:
        await deployed(bench, request(bench))
        voice = Voice(bench)
        record = await bench.deploy(configured(bench, "new", **{asked: 0.05}))
        assert record.status is Status.SUCCEEDED
        assert voice.heard
        assert [text for text in record.warnings if text.startswith(f"{APP} did not")]

    on_device(scenario)


@pytest.mark.parametrize("asked", ["notify_s", "validate_s"])
def test_the_deadline_of_the_deployment_counts_too(on_device: OnDevice, asked: str) -> None:
    async def scenario(bench: Any) -> None:
        await deployed(bench, request(bench))
        Voice(bench)
        before = device(bench)
        bench.core.deadline_s = 0.2
        record = await bench.deploy(configured(bench, "new", **{asked: 3600.0}))
        assert record.detailed is DetailedStatus.FAILED_NO_STATE_CHANGE
        assert "not ready within 0.2 s" in (record.cause or "")
        assert device(bench) == before

    on_device(scenario)


def test_an_update_that_fails_is_over_as_well(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        bench.runner.broken = {f"{OTHER} 1.0.0"}
        voice = Voice(bench)
        deployment = bench.service.submit(request(bench, OTHER, notify_s=60.0))
        await bench.until(lambda: voice.heard)
        voice.defer()
        assert (await bench.ended(deployment)).status is Status.FAILED
        assert voice.heard == [UpdateAhead(deployment), UpdateOver(deployment)]

    on_device(scenario)


def test_local_deployments_ask_nobody_unless_they_are_told_to(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await deployed(bench, request(bench))
        voice = Voice(bench)
        await deployed(bench, configured(bench, "new"))
        assert voice.heard == []

    on_device(scenario)


def test_what_a_queued_request_asks_for_survives_a_restart(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await deployed(bench, request(bench))
        voice = Voice(bench)
        wanted = configured(bench, "new", notify_s=3600.0, validate_s=1800.0)
        first = bench.service.submit(wanted)
        await bench.until(lambda: voice.heard)
        await bench.service.stop()
        voice.end_checks()
        voice.heard.clear()
        await bench.restart()
        await bench.until(lambda: voice.heard)
        [wait] = bench.service.get(first).waits
        assert wait.about is Asked.UPDATE
        voice.defer()
        assert (await bench.ended(first)).status is Status.SUCCEEDED

    on_device(scenario)


def test_what_was_staged_goes_when_the_wait_is_cancelled(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        folder = bench.folder / "artifacts" / APP / "1.0.0"
        folder.mkdir(parents=True)
        (folder / "data").write_text("one")
        what = {"artifact_folders": (bench.folder / "artifacts",)}
        await deployed(bench, request(bench, **what))
        before, voice = device(bench), Voice(bench)
        (folder / "data").write_text("two")
        deployment = bench.service.submit(request(bench, **what, notify_s=60.0))
        await bench.until(lambda: voice.heard)
        assert bench.files() != before[1]
        async with asyncio.timeout(10):
            await bench.service.cancel(deployment)
        assert bench.service.get(deployment).status is Status.CANCELED
        assert device(bench) == before

    on_device(scenario)
