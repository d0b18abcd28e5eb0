"""Whatever subscribers do, and in whatever order, an update is held up for its time at most."""

from __future__ import annotations

import asyncio
from typing import Any

from consent_scene import Scene
from hypothesis import given
from hypothesis import strategies as st

from greendock.base.errors import DeploymentError, UsageError
from greendock.deployment.deferral import Deferral, UpdateAhead

TIMEOUT_S = 10
NAMES = "abc"

answers = st.tuples(
    st.just("answer"), st.sampled_from(NAMES), st.sampled_from([0, 1, 900, 60_000])
)
others = st.tuples(st.sampled_from(["join", "leave"]), st.sampled_from(NAMES), st.just(0))
moves = st.tuples(st.just("move"), st.just(""), st.sampled_from([0, 100, 1000, 4000]))
steps = st.lists(st.one_of(answers, others, moves), max_size=25)


class Crowd:
    """Components that join, answer and leave. `open` holds who was asked and may answer."""

    def __init__(self, scene: Scene) -> None:
        self.ends: dict[str, Any] = {}
        self.last: dict[str, int] = {}
        self.open: set[str] = set()
        self._scene = scene

    def join(self, name: str, _: int) -> None:
        if name not in self.ends:
            self.ends[name] = self._scene.updates.subscribe(
                name, lambda event: self._hear(name, event)
            )

    def leave(self, name: str, _: int) -> None:
        if name in self.ends:
            self.ends.pop(name)()
            self.open.discard(name)
            self.last.pop(name, None)

    def answer(self, name: str, recheck_ms: int) -> None:
        try:
            self._scene.updates.defer(name, "d1", Deferral(recheck_ms))
        except (UsageError, DeploymentError):
            assert name not in self.open or self._scene.updates._question is None
        else:
            assert name in self.open
            self.open.discard(name)
            self.last[name] = recheck_ms

    def _hear(self, name: str, event: object) -> bool:
        assert isinstance(event, UpdateAhead)
        self.open.add(name)
        self.last.pop(name, None)
        return True


@given(first=st.sets(st.sampled_from(NAMES)), steps=steps)
def test_an_update_is_never_held_up_for_longer(
    first: set[str], steps: list[tuple[str, str, int]]
) -> None:
    async def play() -> None:
        scene = Scene()
        crowd = Crowd(scene)
        for name in sorted(first):
            crowd.join(name, 0)
        task = await scene.begin(scene.updates.announce(scene.occasion(timeout_s=TIMEOUT_S)))
        for action, name, number in steps:
            if task.done():
                break
            if action == "move":
                await scene.clock.move(number / 1000)
            else:
                getattr(crowd, action)(name, number)
                await scene.clock.move(0)
        if task.done() and not scene.warnings:
            assert crowd.open == set()
            assert [name for name, recheck_ms in crowd.last.items() if recheck_ms] == []
        if not task.done():
            assert crowd.open or any(crowd.last.values())
            await scene.clock.move(TIMEOUT_S)
        assert task.done()
        assert task.exception() is None
        assert scene.waits[-1] == []

    asyncio.run(play())


def test_the_check_above_notices_who_is_overruled() -> None:
    async def play() -> None:
        scene = Scene()
        Crowd(scene).join("a", 0)
        task = await scene.begin(scene.updates.announce(scene.occasion(timeout_s=TIMEOUT_S)))
        await scene.clock.move(TIMEOUT_S)
        assert task.done()
        assert scene.warnings == ["a did not answer whether the update may go ahead"]

    asyncio.run(play())
