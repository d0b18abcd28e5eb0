"""A deployment is done when what it started has proved itself; until then the old is kept."""

from __future__ import annotations

import asyncio
from typing import Any

from greendock.deployment.document import FailurePolicy, LocalRequest
from greendock.deployment.record import Asked, ComponentWaiting, DetailedStatus, Phase, Status
from greendock.lifecycle.soak import Soaking

APP, OTHER = "com.example.App", "com.example.Other"


def request(*recipes: Any, **more: Any) -> LocalRequest:
    more.setdefault("merge", {APP: "1.0.0"})
    return LocalRequest(recipe_paths=recipes, **more)


def test_the_wait_is_shown_and_nothing_is_committed_or_let_go_of(on_device: Any) -> None:
    async def scenario(bench: Any) -> None:
        bench.runner.soak = asyncio.Event()
        bench.runner.soaking = [Soaking(APP, "container web is not healthy yet", None)]
        deployment = bench.service.submit(request(bench.recipe(name=APP)))
        await bench.until(lambda: bench.service.get(deployment).waits)
        record = bench.service.get(deployment)
        assert record.phase is Phase.APPLYING
        what = "container web is not healthy yet"
        assert record.waits == (ComponentWaiting(APP, Asked.HEALTH, None, message=what),)
        assert record.waits[0].explain() == f"waiting for {APP}: {what}"
        assert APP not in bench.service.state.components
        assert bench.images.settled == []
        bench.runner.soak.set()
        record = await bench.ended(deployment)
        assert record.status is Status.SUCCEEDED
        assert record.waits == ()
        assert APP in bench.service.state.components

    on_device(scenario)


def test_one_that_fails_to_prove_itself_is_rolled_back_without_another_proof(
    on_device: Any,
) -> None:
    async def scenario(bench: Any) -> None:
        await bench.deploy(request(bench.recipe(name=APP)))
        proofs = bench.runner.proofs
        bench.runner.unsound = {APP}
        record = await bench.deploy(
            request(
                bench.recipe(name=APP, version="2.0.0"),
                merge={APP: "2.0.0"},
                failure_policy=FailurePolicy.ROLLBACK,
            )
        )
        assert record.detailed is DetailedStatus.FAILED_ROLLBACK_COMPLETE
        assert {"COMPONENT_UPDATE_ERROR", "COMPONENT_BROKEN"} <= set(record.error_stack)
        assert bench.service.state.components[APP].version == "1.0.0"
        assert bench.runner.running[APP].version == "1.0.0"
        assert bench.runner.proofs == proofs + 1

    on_device(scenario)


def test_the_runner_is_told_who_leaves(on_device: Any) -> None:
    async def scenario(bench: Any) -> None:
        await bench.deploy(request(bench.recipe(name=APP)))
        await bench.deploy(
            request(bench.recipe(name=OTHER), merge={OTHER: "1.0.0"}, remove=(APP,))
        )
        assert bench.runner.leaving[-1] == {APP}
        bench.runner.unsound = {APP}
        both = request(
            bench.recipe(name=APP),
            merge={APP: "1.0.0"},
            remove=(OTHER,),
            failure_policy=FailurePolicy.ROLLBACK,
        )
        await bench.deploy(both)
        # Going back, nobody leaves.
        assert bench.runner.leaving[-2:] == [frozenset({OTHER}), frozenset()]
        assert OTHER in bench.runner.running

    on_device(scenario)
