"""Components check what a deployment would set; one that rejects it ends the wait at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from greendock.base.errors import DeploymentError, UsageError
from greendock.deployment.record import Asked, ComponentWaiting
from greendock.deployment.validity import ConfigurationAhead, ValidityReport

EPOCH = 1_700_000_000.0
YES, NO = ValidityReport(True), ValidityReport(False, "no such port")
BOTH = {"a": {"x": 1}, "b": {"y": None}}


class Validator:
    """One stream of a component."""

    def __init__(self, scene: Any, name: str) -> None:
        self.heard: list[ConfigurationAhead] = []
        self.leave = scene.checks.subscribe(name, self._tell)

    def _tell(self, event: ConfigurationAhead) -> bool:
        self.heard.append(event)
        return True


def waiting(*names: str, until: float = 20) -> list[ComponentWaiting]:
    return [ComponentWaiting(name, Asked.CONFIGURATION, EPOCH + until) for name in names]


def test_only_who_checks_and_changes_is_asked(scene):
    async def play(scene):
        a, other = Validator(scene, "a"), Validator(scene, "other")
        task = await scene.begin(scene.checks.check(scene.occasion(timeout_s=20), BOTH))
        assert a.heard == [ConfigurationAhead("d1", {"x": 1})]
        assert other.heard == []
        assert scene.waits[-1] == waiting("a")
        scene.checks.report("a", "d1", YES)
        await task
        assert (scene.waits[-1], scene.warnings) == ([], [])

    scene(play)


def test_nobody_checks(scene):
    async def play(scene):
        await scene.checks.check(scene.occasion(), BOTH)
        assert scene.warnings == []

    scene(play)


def test_everybody_has_to_accept(scene):
    async def play(scene):
        Validator(scene, "a")
        Validator(scene, "b")
        task = await scene.begin(scene.checks.check(scene.occasion(timeout_s=20), BOTH))
        scene.checks.report("a", "d1", YES)
        await scene.clock.move(1)
        assert scene.waits[-1] == waiting("b")
        scene.checks.report("b", "d1", YES)
        await task

    scene(play)


@pytest.mark.parametrize("stays", [True, False])
def test_a_rejection_ends_the_wait(scene, stays):
    async def play(scene):
        a = Validator(scene, "a")
        Validator(scene, "b")
        task = await scene.begin(scene.checks.check(scene.occasion(), BOTH))
        scene.checks.report("a", "d1", NO)
        if not stays:
            a.leave()
        with pytest.raises(DeploymentError, match=r"a rejects its new .*: no such port"):
            await task
        with pytest.raises(UsageError):
            scene.checks.report("b", "d1", YES)

    scene(play)


def test_silence_lets_the_deployment_go_on_when_its_time_is_over(scene):
    async def play(scene):
        Validator(scene, "a")
        task = await scene.begin(scene.checks.check(scene.occasion(timeout_s=20), BOTH))
        await scene.clock.move(19)
        assert not task.done()
        await scene.clock.move(1)
        await task
        assert scene.warnings == ["a did not say whether the new configuration is valid"]
        with pytest.raises(UsageError):
            scene.checks.report("a", "d1", NO)

    scene(play)


def test_the_first_stream_of_a_component_is_asked(scene):
    async def play(scene):
        first, second = Validator(scene, "a"), Validator(scene, "a")
        task = await scene.begin(scene.checks.check(scene.occasion(), BOTH))
        assert (len(first.heard), len(second.heard)) == (1, 0)
        second.leave()
        await scene.clock.move(0)
        assert not task.done()
        first.leave()
        await task
        third = Validator(scene, "a")
        task = await scene.begin(scene.checks.check(scene.occasion("d2"), BOTH))
        assert [event.deployment_id for event in third.heard] == ["d2"]
        task.cancel()

    scene(play)


def test_reports_that_are_refused(scene):
    async def play(scene):
        with pytest.raises(UsageError, match="none of a on deployment d1"):
            scene.checks.report("a", "d1", YES)
        Validator(scene, "a")
        Validator(scene, "b")
        task = await scene.begin(scene.checks.check(scene.occasion(), BOTH))
        for component, deployment in (("a", "other"), ("c", "d1")):
            with pytest.raises(UsageError):
                scene.checks.report(component, deployment, YES)
        scene.checks.report("a", "d1", YES)
        with pytest.raises(UsageError):
            scene.checks.report("a", "d1", NO)
        scene.checks.report("b", "d1", YES)
        await task

    scene(play)


def test_a_check_can_be_cancelled(scene):
    async def play(scene):
        Validator(scene, "a")
        task = await scene.begin(scene.checks.check(scene.occasion(), BOTH))
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert scene.waits[-1] == []
        with pytest.raises(UsageError):
            scene.checks.report("a", "d1", YES)

    scene(play)
