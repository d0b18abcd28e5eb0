"""Subscribers hear of an update before and after it, and hold it up for a bounded time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from greendock.base.errors import DeploymentError, UsageError
from greendock.deployment.deferral import Deferral, UpdateAhead, UpdateOver
from greendock.deployment.record import Asked, ComponentWaiting

EPOCH = 1_700_000_000.0
GO = Deferral()
AHEAD, OVER = UpdateAhead("d1"), UpdateOver("d1")


class Listener:
    """One stream of a component."""

    def __init__(self, scene: Any, name: str) -> None:
        self.heard: list[object] = []
        self.is_open = True
        self._end = scene.updates.subscribe(name, self._tell)

    def _tell(self, event: object) -> bool:
        if self.is_open:
            self.heard.append(event)
        return self.is_open

    def leave(self) -> None:
        self.is_open = False
        self._end()


def waiting(name: str, seconds: float, **more: Any) -> ComponentWaiting:
    return ComponentWaiting(name, Asked.UPDATE, EPOCH + seconds, **more)


def test_nobody_to_ask(scene):
    async def play(scene):
        await scene.updates.announce(scene.occasion())
        scene.updates.finished("d1")
        assert scene.warnings == []

    scene(play)


def test_everybody_is_told_before_and_after(scene):
    async def play(scene):
        a, b = Listener(scene, "a"), Listener(scene, "b")
        task = await scene.begin(scene.updates.announce(scene.occasion()))
        assert scene.waits[-1] == [waiting("a", 60), waiting("b", 60)]
        scene.updates.defer("a", "d1", GO)
        await scene.clock.move(1)
        assert scene.waits[-1] == [waiting("b", 60)]
        scene.updates.defer("b", "d1", GO)
        await task
        assert scene.waits[-1] == []
        assert a.heard == b.heard == [AHEAD]
        late = Listener(scene, "c")
        scene.updates.finished("d1")
        assert a.heard == b.heard == [AHEAD, OVER]
        assert late.heard == [OVER]
        scene.updates.finished("d1")
        assert a.heard == [AHEAD, OVER]
        assert scene.warnings == []

    scene(play)


def test_an_update_that_was_not_announced_is_not_over(scene):
    async def play(scene):
        a = Listener(scene, "a")
        scene.updates.finished("d1")
        task = await scene.begin(scene.updates.announce(scene.occasion()))
        scene.updates.finished("another")
        assert a.heard == [AHEAD]
        task.cancel()

    scene(play)


def test_a_deferral_asks_everybody_again_after_its_time(scene):
    async def play(scene):
        a, b = Listener(scene, "a"), Listener(scene, "b")
        task = await scene.begin(scene.updates.announce(scene.occasion()))
        scene.updates.defer("a", "d1", Deferral(5000, "busy"))
        scene.updates.defer("b", "d1", Deferral(2000))
        await scene.clock.move(0)
        assert scene.waits[-1] == [
            waiting("a", 5, deferred=True, message="busy"),
            waiting("b", 5, deferred=True),
        ]
        await scene.clock.move(4.9)
        assert a.heard == b.heard == [AHEAD]
        await scene.clock.move(0.1)
        assert a.heard == b.heard == [AHEAD, AHEAD]
        scene.updates.defer("a", "d1", GO)
        scene.updates.defer("b", "d1", GO)
        await task
        assert scene.warnings == []

    scene(play)


def test_silence_lasts_no_longer_than_the_policy(scene):
    async def play(scene):
        Listener(scene, "a")
        Listener(scene, "b")
        task = await scene.begin(scene.updates.announce(scene.occasion(timeout_s=30)))
        scene.updates.defer("b", "d1", Deferral(1000))
        await scene.clock.move(29)
        assert not task.done()
        await scene.clock.move(1)
        await task
        assert scene.warnings == ["a did not answer whether the update may go ahead"]

    scene(play)


@pytest.mark.parametrize("recheck_ms", [1, 1000, 7000, 10**15])
def test_deferring_for_ever_lasts_no_longer_than_the_policy(scene, recheck_ms):
    async def play(scene):
        a = Listener(scene, "a")
        task = await scene.begin(scene.updates.announce(scene.occasion(timeout_s=20)))
        answered = 0
        while not task.done():
            while answered < len(a.heard):
                scene.updates.defer("a", "d1", Deferral(recheck_ms))
                answered += 1
            assert scene.clock.monotonic() < 21
            await scene.clock.move(0.5)
        assert scene.warnings == ["a deferred the update for longer than it may"]
        assert (answered > 1) is (recheck_ms < 20_000)

    scene(play)


def test_who_leaves_is_not_waited_for(scene):
    async def play(scene):
        a, b = Listener(scene, "a"), Listener(scene, "b")
        task = await scene.begin(scene.updates.announce(scene.occasion()))
        scene.updates.defer("b", "d1", Deferral(50_000))
        a.leave()
        await scene.clock.move(0)
        assert [wait.component for wait in scene.waits[-1]] == ["b"]
        b.leave()
        await task
        assert scene.warnings == []

    scene(play)


def test_a_component_leaves_with_its_last_stream(scene):
    async def play(scene):
        first, second = Listener(scene, "a"), Listener(scene, "a")
        task = await scene.begin(scene.updates.announce(scene.occasion()))
        assert first.heard == second.heard == [AHEAD]
        assert scene.waits[-1] == [waiting("a", 60)]
        first.leave()
        await scene.clock.move(0)
        assert not task.done()
        second.leave()
        await task

    scene(play)


def test_a_stream_that_takes_no_event_is_not_waited_for(scene):
    async def play(scene):
        Listener(scene, "a").is_open = False
        await scene.updates.announce(scene.occasion())

    scene(play)


def test_answers_that_are_refused(scene):
    async def play(scene):
        with pytest.raises(UsageError, match="a has not subscribed"):
            scene.updates.defer("a", "d1", GO)
        Listener(scene, "a")
        Listener(scene, "b")
        with pytest.raises(DeploymentError, match="no answer of a to deployment d1"):
            scene.updates.defer("a", "d1", GO)
        task = await scene.begin(scene.updates.announce(scene.occasion()))
        with pytest.raises(DeploymentError, match="deployment other"):
            scene.updates.defer("a", "other", GO)
        Listener(scene, "late")
        with pytest.raises(DeploymentError, match="no answer of late"):
            scene.updates.defer("late", "d1", GO)
        scene.updates.defer("a", "d1", GO)
        with pytest.raises(DeploymentError):
            scene.updates.defer("a", "d1", Deferral(1000))
        scene.updates.defer("b", "d1", GO)
        await task
        with pytest.raises(DeploymentError):
            scene.updates.defer("a", "d1", GO)

    scene(play)


def test_a_new_event_discards_the_one_before(scene):
    async def play(scene):
        Listener(scene, "a")
        first = await scene.begin(scene.updates.announce(scene.occasion("d1")))
        first.cancel()
        await asyncio.wait([first])
        scene.updates.finished("d1")
        second = await scene.begin(scene.updates.announce(scene.occasion("d2")))
        with pytest.raises(DeploymentError):
            scene.updates.defer("a", "d1", GO)
        scene.updates.defer("a", "d2", GO)
        await second

    scene(play)


@pytest.mark.parametrize("answer", [None, Deferral(50_000)], ids=["silent", "deferred"])
def test_a_wait_can_be_cancelled(scene, answer):
    async def play(scene):
        a = Listener(scene, "a")
        task = await scene.begin(scene.updates.announce(scene.occasion()))
        if answer is not None:
            scene.updates.defer("a", "d1", answer)
            await scene.clock.move(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert scene.waits[-1] == []
        scene.updates.finished("d1")
        assert a.heard == [AHEAD, OVER]

    scene(play)
