"""A component's own update lasts, whatever a deployment does meanwhile, and restarts nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from killing import Killer, in_child

from greendock.base.errors import DeviceError, UsageError
from greendock.config.changes import ConfigurationChanged
from greendock.config.own_update import OwnUpdate
from greendock.config.tree import to_plain
from greendock.deployment.configuration_updates import MOST_WAITING, ConfigurationUpdates
from greendock.deployment.device_state import DeviceStateStore
from greendock.deployment.document import ConfigurationUpdate, FailurePolicy, LocalRequest
from greendock.deployment.record import DetailedStatus, Phase

APP, USER, BROKEN = "com.example.App", "com.example.User", "com.example.Broken"
IMAGE = "docker.io/library/alpine:3"
OnDevice = Callable[..., None]
POLICIES = {"aws.greengrass.ipc.pubsub": {"p": {"operations": ["*"], "resources": ["*"]}}}


def updates_of(bench: Any) -> ConfigurationUpdates:
    return ConfigurationUpdates(
        bench.service.live,
        DeviceStateStore(bench.database),
        bench.runner,
        bench.core.surroundings,
    )


def own(value: dict[str, Any], *key_path: str, at: float | None = None) -> OwnUpdate:
    """An update as of now, or as of `at` in seconds since the epoch."""
    return OwnUpdate(key_path, value, int((time.time() if at is None else at) * 1000))


def request(bench: Any, *recipes: Any, **what: Any) -> LocalRequest:
    what.setdefault("merge", {APP: "1.0.0"})
    what.setdefault("failure_policy", FailurePolicy.ROLLBACK)
    return LocalRequest(recipe_paths=tuple(recipes), **what)


def merging(**values: Any) -> dict[str, ConfigurationUpdate]:
    return {APP: ConfigurationUpdate(merge=values)}


def stored(bench: Any, name: str = APP) -> Any:
    """As the next start of the core is going to read it."""
    return to_plain(DeviceStateStore(bench.database).load().components[name].configuration)


def running(bench: Any, name: str = APP) -> Any:
    return bench.runner.running[name].configuration


def run_script(bench: Any, name: str = APP) -> str:
    return bench.runner.running[name].steps.run.script


def listen(bench: Any) -> list[tuple[str, str]]:
    """What is told from now on, as (component, path)."""
    told: list[tuple[str, str]] = []

    def note(event: ConfigurationChanged) -> None:
        told.extend((event.component, "/".join(path)) for path in event.key_paths)

    bench.bus.listen(note, ConfigurationChanged)
    return told


async def with_app(bench: Any, **values: Any) -> ConfigurationUpdates:
    first = request(bench, bench.recipe(name=APP), configuration=merging(**values))
    assert (await bench.deploy(first)).detailed is DetailedStatus.SUCCESSFUL
    return updates_of(bench)


async def entered(bench: Any, phase: Phase, waited_for: int = 0) -> None:
    await bench.until(
        lambda: bench.news[-1].phase is phase and len(bench.runner.waited_for) >= waited_for
    )


# -- alone


def test_an_update_is_durable_told_and_used_by_the_next_script(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        updates = await with_app(bench)
        told = listen(bench)
        before = bench.runner.running[APP]
        assert await updates.update(APP, own({"message": "own", "m": {"a": None}}))
        assert stored(bench) == running(bench) == {"message": "own", "m": {"a": None}}
        assert run_script(bench) == "echo own"
        assert before.steps.run.script == "echo hello"
        assert bench.runner.noted == [frozenset({APP})]
        assert told == [(APP, "message"), (APP, "m/a")]
        await bench.restart()
        assert run_script(bench) == "echo own"
        assert running(bench) == {"message": "own", "m": {"a": None}}

    on_device(scenario)


def test_those_that_depend_on_it_get_the_new_value_as_well(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        user = bench.folder / "user.yaml"
        user.write_text(
            f"""
RecipeFormatVersion: "2020-01-25"
ComponentName: {USER}
ComponentVersion: 1.0.0
ComponentDependencies: {{{APP}: {{VersionRequirement: "1.0.0"}}}}
Manifests:
  - Lifecycle: {{Run: "echo {{{APP}:configuration:/message}}"}}
"""
        )
        record = await bench.deploy(
            request(bench, bench.recipe(name=APP), user, merge={USER: "1.0.0"})
        )
        assert record.detailed is DetailedStatus.SUCCESSFUL, record.cause
        await updates_of(bench).update(APP, own({"message": "own"}))
        assert run_script(bench, USER) == "echo own"
        assert bench.runner.noted == [frozenset({APP, USER})]
        again = await bench.deploy(request(bench, merge={USER: "1.0.0"}))
        assert again.detailed is DetailedStatus.SUCCESSFUL
        assert bench.runner.waited_for[-1] == frozenset()

    on_device(scenario)


def test_time_stamps_are_stored_and_not_told(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        updates = await with_app(bench)
        told = listen(bench)
        later = time.time() + 100
        assert await updates.update(APP, own({"message": "hello"}, at=later))
        await bench.restart()
        updates = updates_of(bench)
        assert not await updates.update(APP, own({"message": "older"}, at=later - 1))
        assert await updates.update(APP, own({"message": "hello"}, at=later))
        assert (told, running(bench)["message"]) == ([], "hello")

    on_device(scenario)


def test_updates_that_arrive_together_keep_their_order_and_fail_alone(
    on_device: OnDevice,
) -> None:
    async def scenario(bench: Any) -> None:
        updates = await with_app(bench)
        now = time.time()
        asked = [updates.update(APP, own({"number": n, f"k{n}": n}, at=now)) for n in range(50)]
        asked.insert(10, updates.update("com.example.None", own({"a": 1})))
        asked.insert(20, updates.update(APP, own({"number": "older"}, at=now - 5)))
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(answers.pop(10), UsageError)
        assert [number for number, answer in enumerate(answers) if answer is not True] == [19]
        assert stored(bench) == running(bench)
        assert running(bench)["number"] == 49
        assert len(running(bench)) == 52
        # Some at a time, by how long they take.
        assert len(bench.runner.noted) < len(answers)

    on_device(scenario)


def test_only_so_many_updates_of_one_component_wait(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        updates = await with_app(bench)
        asked = [updates.update(APP, own({f"k{n}": n})) for n in range(MOST_WAITING + 1)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert answers[:-1] == [True] * MOST_WAITING
        assert "updates are waiting" in str(answers[-1])
        assert await updates.update(APP, own({"message": "own"}))
        assert stored(bench) == running(bench)
        assert len(running(bench)) == MOST_WAITING + 1

    on_device(scenario)


def test_an_update_that_nobody_waits_for_any_more_is_left_out(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        updates = await with_app(bench)
        gone = asyncio.create_task(updates.update(APP, own({"message": "gone"})))
        stays = asyncio.create_task(updates.update(APP, own({"stays": 1})))
        await asyncio.sleep(0)
        gone.cancel()
        assert await stays
        assert stored(bench) == running(bench) == {"message": "hello", "stays": 1}

    on_device(scenario)


def test_who_hears_of_an_update_may_end_the_one_who_asked_for_it(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        updates = await with_app(bench)
        first = asyncio.create_task(updates.update(APP, own({"a": 1})))
        bench.bus.listen(lambda _: first.cancel(), ConfigurationChanged)
        await asyncio.wait([first])
        assert first.cancelled()
        async with asyncio.timeout(5):
            assert await updates.update(APP, own({"b": 2}))
        assert stored(bench) == {"message": "hello", "a": 1, "b": 2}

    on_device(scenario)


def test_unchanged_values_stay_the_same_objects(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        updates = await with_app(bench, accessControl=POLICIES, other={"a": 1})
        before = running(bench)
        await updates.update(APP, own({"other": {"a": 2}}))
        assert running(bench)["accessControl"] is before["accessControl"]
        assert (before["other"], running(bench)["other"]) == ({"a": 1}, {"a": 2})

    on_device(scenario)


def test_a_core_that_is_starting_takes_updates_when_it_is_complete(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        updates = await with_app(bench)
        live = bench.service.live
        live.begun.clear()
        asked = asyncio.create_task(updates.update(APP, own({"message": "own"})))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not asked.done()
        live.begin(live.now)
        assert await asked
        assert stored(bench)["message"] == "own"

    on_device(scenario)


# -- refused


def test_what_can_not_be_stored_changes_nothing(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        updates = await with_app(bench)
        told = listen(bench)
        bench.protect(True)
        with pytest.raises(DeviceError):
            await updates.update(APP, own({"message": "own"}))
        bench.protect(False)
        assert (running(bench), told, bench.runner.noted) == ({"message": "hello"}, [], [])
        assert await updates.update(APP, own({"message": "own"}))
        assert stored(bench) == {"message": "own"}

    on_device(scenario)


def test_built_ins_and_what_is_not_deployed_can_not_be_updated(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        manager = "aws.greengrass.DockerApplicationManager"
        recipe = bench.recipe(name=APP, dependencies={manager: "~2.0.0"})
        await bench.deploy(request(bench, recipe))
        updates = updates_of(bench)
        for name, reason in ((manager, "part of the core"), ("com.example.None", "not deployed")):
            with pytest.raises(UsageError, match=reason):
                await updates.update(name, own({"a": 1}))

    on_device(scenario)


@pytest.mark.parametrize(
    "value",
    [
        {"greendock": {"docker": {"pullPolicy": "Sometimes"}}},
        {"greendock": {"docker": {"loadArchives": 7}}},
        {"seconds": "soon"},
    ],
)
def test_a_component_can_not_make_itself_undeployable(
    on_device: OnDevice, value: dict[str, Any]
) -> None:
    async def scenario(bench: Any) -> None:
        recipe = bench.folder / "timeout.yaml"
        recipe.write_text(
            f"""
RecipeFormatVersion: "2020-01-25"
ComponentName: {APP}
ComponentVersion: 1.0.0
ComponentConfiguration: {{DefaultConfiguration: {{seconds: 5}}}}
Manifests:
  - Lifecycle: {{Run: {{Script: exec true, Timeout: "{{configuration:/seconds}}"}}}}
"""
        )
        first = await bench.deploy(request(bench, recipe))
        assert first.detailed is DetailedStatus.SUCCESSFUL, first.cause
        with pytest.raises(UsageError, match="could not be run with it"):
            await updates_of(bench).update(APP, own(value))
        assert stored(bench) == running(bench) == {"seconds": 5}
        await updates_of(bench).update(APP, own({"seconds": 9}))
        assert bench.runner.running[APP].steps.run.timeout_s == 9
        await bench.restart()
        assert bench.faults == []

    on_device(scenario)


# -- beside a deployment


def test_the_newer_value_wins_in_the_deployments_to_come(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        updates = await with_app(bench)
        past, future = time.time() - 100, time.time() + 1000
        assert await updates.update(APP, own({"message": "past", "old": 1}, at=past))
        await updates.update(APP, own({"kept": "own", "list": [1]}, at=future))
        record = await bench.deploy(
            request(bench, configuration=merging(kept="deployed", old="deployed", n=1))
        )
        assert record.detailed is DetailedStatus.SUCCESSFUL
        assert running(bench)["kept"] == "own"
        assert running(bench)["old"] == "deployed"
        assert any(
            "a newer value" in warning and "/kept" in warning for warning in record.warnings
        )
        await bench.deploy(
            request(bench, configuration={APP: ConfigurationUpdate(reset=("/kept", "/list"))})
        )
        assert "kept" not in stored(bench)

    on_device(scenario)


def test_an_update_while_images_are_fetched_is_in_what_is_committed(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        updates = await with_app(bench, both=0)
        told = listen(bench)
        bench.images.hold = asyncio.Event()
        newer = bench.recipe(name=APP, version="2.0.0", images=[IMAGE])
        wanted = request(
            bench, newer, merge={APP: "2.0.0"}, configuration=merging(message="deployed", both=1)
        )
        deployment = bench.service.submit(wanted)
        await entered(bench, Phase.PREPARING)
        later = time.time() + 1
        await updates.update(APP, own({"mine": {"a": 1}, "empty": {}, "both": 2}, at=later))
        assert stored(bench)["mine"] == {"a": 1}
        bench.images.hold.set()
        assert (await bench.ended(deployment)).detailed is DetailedStatus.SUCCESSFUL
        expected = {"message": "deployed", "both": 2, "mine": {"a": 1}, "empty": {}}
        assert stored(bench) == running(bench) == expected
        assert run_script(bench) == "echo deployed"
        assert sorted(told) == [(APP, "both"), (APP, "message"), (APP, "mine/a")]
        await bench.restart()
        assert bench.service.state.components[APP].version == "2.0.0"
        assert running(bench) == expected

    on_device(scenario)


def test_a_new_component_may_update_while_it_starts(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        told = listen(bench)
        bench.runner.hold = asyncio.Event()
        deployment = bench.service.submit(request(bench, bench.recipe(name=APP)))
        await entered(bench, Phase.APPLYING, waited_for=1)
        assert await updates_of(bench).update(APP, own({"message": "own"}))
        assert run_script(bench) == "echo own"
        bench.runner.hold.set()
        assert (await bench.ended(deployment)).detailed is DetailedStatus.SUCCESSFUL
        assert stored(bench) == running(bench) == {"message": "own"}
        assert told == [(APP, "message"), (APP, "message")]

    on_device(scenario)


@pytest.mark.parametrize("policy", [FailurePolicy.ROLLBACK, FailurePolicy.DO_NOTHING])
def test_an_update_outlives_a_deployment_that_fails(
    on_device: OnDevice, policy: FailurePolicy
) -> None:
    async def scenario(bench: Any) -> None:
        updates = await with_app(bench)
        told = listen(bench)
        bench.runner.broken = {f"{BROKEN} 1.0.0"}
        bench.runner.hold = asyncio.Event()
        wanted = request(
            bench,
            bench.recipe(name=APP, version="2.0.0"),
            bench.recipe(name=BROKEN),
            merge={APP: "2.0.0", BROKEN: "1.0.0"},
            configuration=merging(deployed=1),
            failure_policy=policy,
        )
        deployment = bench.service.submit(wanted)
        await entered(bench, Phase.APPLYING, waited_for=2)
        assert running(bench) == {"message": "hello", "deployed": 1}
        await updates.update(APP, own({"message": "own"}))
        assert running(bench) == {"message": "own", "deployed": 1}
        assert stored(bench) == {"message": "own"}
        bench.runner.hold.set()
        record = await bench.ended(deployment)
        if policy is FailurePolicy.ROLLBACK:
            assert record.detailed is DetailedStatus.FAILED_ROLLBACK_COMPLETE
            expected = {"message": "own"}
            assert (bench.runner.running[APP].version, run_script(bench)) == ("1.0.0", "echo own")
            assert told[-2:] == [(APP, "deployed"), (BROKEN, "message")]
        else:
            assert record.detailed is DetailedStatus.FAILED_ROLLBACK_NOT_REQUESTED
            expected = {"message": "own", "deployed": 1}
        assert stored(bench) == running(bench) == expected
        assert told.count((APP, "message")) == 1
        await bench.restart()
        assert running(bench) == expected

    on_device(scenario)


def test_a_component_that_is_on_its_way_out_may_update_until_it_is_gone(
    on_device: OnDevice,
) -> None:
    async def scenario(bench: Any) -> None:
        updates = await with_app(bench)
        told = listen(bench)
        bench.runner.hold = asyncio.Event()
        wanted = request(bench, bench.recipe(name=USER), merge={USER: "1.0.0"}, remove=(APP,))
        deployment = bench.service.submit(wanted)
        await entered(bench, Phase.APPLYING, waited_for=2)
        assert await updates.update(APP, own({"message": "own"}))
        assert (stored(bench), running(bench)) == ({"message": "own"},) * 2
        bench.runner.hold.set()
        assert (await bench.ended(deployment)).detailed is DetailedStatus.SUCCESSFUL
        assert told == [(USER, "message"), (APP, "message"), (APP, "message")]
        with pytest.raises(UsageError, match="not deployed"):
            await updates.update(APP, own({"message": "late"}))

    on_device(scenario)


def test_a_deployment_tells_what_it_changes_and_what_it_removes(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        await with_app(bench, gone=1, m={"a": 1, "b": 2})
        told = listen(bench)
        wanted = ConfigurationUpdate(merge={"m": {"a": 1, "b": 3}, "n": 1}, reset=("/gone",))
        await bench.deploy(request(bench, configuration={APP: wanted}))
        assert sorted(told) == [(APP, "gone"), (APP, "m/b"), (APP, "n")]
        told.clear()
        await bench.deploy(request(bench))
        assert told == []
        await bench.deploy(request(bench, merge={}, remove=(APP,)))
        assert sorted(told) == [(APP, "m/a"), (APP, "m/b"), (APP, "message"), (APP, "n")]

    on_device(scenario)


def test_a_deployment_tells_what_it_changes_in_the_core_itself(on_device: OnDevice) -> None:
    async def scenario(bench: Any) -> None:
        told = listen(bench)
        service = "aws.greengrass.TokenExchangeService"
        update = {service: ConfigurationUpdate(merge={"port": 8080})}
        wanted = request(bench, merge={service: "2.0.3"}, configuration=update)
        assert (await bench.deploy(wanted)).detailed is DetailedStatus.SUCCESSFUL
        assert told == [(service, "port")]

    on_device(scenario)


# -- kill -9

ROUNDS = 10
KILLS = 10


async def update_again_and_again(bench: Any, answered: Path, deploy: bool) -> None:
    """Number after number; each answer is noted where it outlives the process."""
    updates = updates_of(bench)
    if deploy:
        bench.service.submit(request(bench, configuration=merging(deployed="yes")))
    with answered.open("ab", buffering=0) as notes:
        for number in range(1, ROUNDS + 1):
            await updates.update(APP, own({"number": number}))
            notes.write(b"%d\n" % number)
            await asyncio.sleep(0.002)
    if deploy:
        await bench.until(lambda: bench.service.all()[-1].status.is_final)


@pytest.mark.parametrize("deploy", [False, True], ids=["alone", "beside a deployment"])
def test_an_answered_update_survives_kill_9_at_any_line(
    tmp_path: Path, bench_of: Callable[[Path], Any], deploy: bool
) -> None:
    def life(folder: Path, at: int) -> int:
        async def run() -> None:
            bench = bench_of(folder)
            if not (folder / "answered").exists():
                await with_app(bench, number=0)
                (folder / "answered").write_text("0\n")
            killer.watch()
            await update_again_and_again(bench, folder / "answered", deploy)
            (folder / "lines").write_text(str(killer.lines))

        killer = Killer(at)
        return in_child(lambda: asyncio.run(run()))

    def look(folder: Path) -> int:
        async def run() -> None:
            bench = bench_of(folder)
            last = int((folder / "answered").read_text().split()[-1])
            found = running(bench)
            assert found["number"] in (last, last + 1), (found, last)
            (folder / "found").write_text(json.dumps(found))

        return in_child(lambda: asyncio.run(run()))

    whole = tmp_path / "whole"
    whole.mkdir()
    assert life(whole, 0) == 0
    assert look(whole) == 0
    found = json.loads((whole / "found").read_text())
    assert (found["number"], found.get("deployed")) == (ROUNDS, "yes" if deploy else None)
    lines = int((whole / "lines").read_text())
    ends = []
    for number in range(KILLS):
        folder = tmp_path / str(number)
        folder.mkdir()
        ends.append(life(folder, 1 + number * lines // KILLS))
        assert look(folder) == 0, number
    assert set(ends) <= {0, 9}
    assert ends.count(9) > KILLS // 2
