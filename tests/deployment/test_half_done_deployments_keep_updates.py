"""Deployments that fail half way: what components set stays, and they can go on setting it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from greendock.config.own_update import OwnUpdate
from greendock.config.tree import to_plain
from greendock.deployment.configuration_updates import ConfigurationUpdates
from greendock.deployment.device_state import DeviceStateStore
from greendock.deployment.document import FailurePolicy, LocalRequest
from greendock.deployment.record import DetailedStatus, Phase

APP, OLD, BROKEN = "com.example.App", "com.example.Old", "com.example.Broken"
IMAGE = "docker.io/library/alpine:3"
OnDevice = Callable[..., None]


def updates_of(bench: Any) -> ConfigurationUpdates:
    states = DeviceStateStore(bench.database)
    return ConfigurationUpdates(bench.service.live, states, bench.runner, bench.core.surroundings)


def own(**value: Any) -> OwnUpdate:
    return OwnUpdate((), value, int(time.time() * 1000))


def stored(bench: Any, name: str = APP) -> Any:
    return to_plain(DeviceStateStore(bench.database).load().components[name].configuration)


def with_timeout(bench: Any) -> Path:
    path: Path = bench.folder / "timeout.yaml"
    path.write_text(
        f"""
RecipeFormatVersion: "2020-01-25"
ComponentName: {APP}
ComponentVersion: 2.0.0
ComponentConfiguration: {{DefaultConfiguration: {{seconds: 5}}}}
Manifests:
  - Lifecycle: {{Run: {{Script: exec true, Timeout: "{{configuration:/seconds}}"}}}}
    Artifacts: [{{URI: "docker:{IMAGE}"}}]
"""
    )
    return path


@pytest.mark.parametrize("policy", list(FailurePolicy))
def test_a_version_that_can_not_run_by_a_new_value_changes_nothing(
    on_device: OnDevice, policy: FailurePolicy
) -> None:
    async def scenario(bench: Any) -> None:
        await bench.deploy(LocalRequest(merge={APP: "1.0.0"}, recipe_paths=(bench.recipe(),)))
        bench.images.hold = asyncio.Event()
        deployment = bench.service.submit(
            LocalRequest(
                merge={APP: "2.0.0"}, recipe_paths=(with_timeout(bench),), failure_policy=policy
            )
        )
        await bench.until(lambda: bench.news[-1].phase is Phase.PREPARING)
        # The version that runs has no use for it; nobody knows yet what the next one makes of it.
        assert await updates_of(bench).update(APP, own(seconds="soon"))
        bench.images.hold.set()
        record = await bench.ended(deployment)
        assert record.detailed is DetailedStatus.FAILED_NO_STATE_CHANGE
        assert bench.images.in_place == []
        assert bench.runner.running[APP].version == "1.0.0"
        assert stored(bench) == bench.runner.running[APP].configuration
        assert stored(bench)["seconds"] == "soon"
        await bench.restart()
        assert bench.runner.running[APP].version == "1.0.0"
        assert stored(bench)["seconds"] == "soon"

    on_device(scenario)


def test_what_was_not_removed_goes_on_updating(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        recipes = tuple(bench.recipe(name=name) for name in (OLD, BROKEN))
        first = LocalRequest(merge={OLD: "1.0.0"}, recipe_paths=recipes)
        assert (await bench.deploy(first)).detailed is DetailedStatus.SUCCESSFUL
        bench.runner.broken = {f"{BROKEN} 1.0.0"}
        second = LocalRequest(
            merge={BROKEN: "1.0.0"}, remove=(OLD,), failure_policy=FailurePolicy.DO_NOTHING
        )
        record = await bench.deploy(second)
        assert record.detailed is DetailedStatus.FAILED_ROLLBACK_NOT_REQUESTED
        assert await updates_of(bench).update(OLD, own(message="own"))
        assert stored(bench, OLD) == {"message": "own"}
        assert bench.runner.running[OLD].steps.run.script == "echo own"

    on_device(scenario)
