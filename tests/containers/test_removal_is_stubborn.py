"""Removing goes on until nothing is left, within bounds, whatever the engine answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest
from container_stage import Entries, until

from greendock.base.clock import SystemClock
from greendock.docker.containers.labels import Owner, labels_of
from greendock.docker.containers.removal import Removal
from greendock.docker.containers.sweep import Sweep, SweepParts
from greendock.docker.engine.container_detail import ContainerDetail
from greendock.docker.engine.labelled import LabelledNetwork
from greendock.docker.errors import ContainerFailed, EngineUnavailable

LABELS = labels_of(Owner("core", "com.example.App", "1.0.0", "g1"))


class Hasty(SystemClock):
    """Doesn't wait."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class Containers:
    """What is labelled, without an engine. `on_remove` is what the engine does then."""

    def __init__(self, *names: str) -> None:
        self.there: dict[str, ContainerDetail] = {}
        self.done: list[str] = []
        self.is_up = True
        self.on_remove: Callable[[str], None] = self.there.pop  # type: ignore[assignment]
        for name in names:
            self.add(name)

    def add(self, name: str, **changes) -> None:
        self.there[name] = ContainerDetail(
            name, name, LABELS, changes.pop("state", "running"), **changes
        )

    async def containers(self, labels: Mapping[str, str]) -> list[ContainerDetail]:
        if not self.is_up:
            raise EngineUnavailable("cannot reach it")
        return list(self.there.values())

    async def stop(self, container_id: str, timeout_s: float) -> bool:
        self.done.append(f"stop {container_id} {timeout_s:g}")
        return not container_id.startswith("deaf")

    async def kill(self, container_id: str) -> None:
        self.done.append(f"kill {container_id}")

    async def unpause(self, container_id: str) -> None:
        self.done.append(f"unpause {container_id}")

    async def remove(self, container_id: str) -> None:
        self.done.append(f"remove {container_id}")
        self.on_remove(container_id)

    async def networks(self, labels: Mapping[str, str]) -> list[LabelledNetwork]:
        return []

    def removal(self) -> Removal:
        return Removal(self, "core", Hasty())  # type: ignore[arg-type]

    def remove_all(self, *, has_grace: bool = True) -> frozenset[str]:
        return asyncio.run(self.removal().remove(frozenset({"g1"}), has_grace=has_grace))


def test_own_grace_and_a_margin_then_force():
    engine = Containers()
    engine.add("default")
    engine.add("own", stop_timeout_s=40)
    engine.add("endless", stop_timeout_s=-1)
    engine.add("deaf", stop_timeout_s=0)
    engine.add("paused", state="paused")
    engine.add("ended", state="exited")
    assert engine.remove_all() == {"default", "own", "endless", "deaf", "paused", "ended"}
    steps = [step for step in engine.done if not step.startswith("remove")]
    assert sorted(steps) == [
        "kill deaf",
        "stop deaf 15",
        "stop default 25",
        "stop endless 615",
        "stop own 55",
        "stop paused 25",
        "unpause paused",
    ]


def test_without_grace_nothing_is_asked_to_stop():
    engine = Containers("one", "two")
    assert engine.remove_all(has_grace=False) == {"one", "two"}
    assert sorted(engine.done) == ["remove one", "remove two"]


def test_one_that_is_being_removed_already_is_waited_for():
    engine = Containers()
    engine.add("slow", state="removing")
    tries: list[str] = []

    def remove(name: str) -> None:
        tries.append(name)
        if len(tries) == 5:
            del engine.there[name]

    engine.on_remove = remove
    assert engine.remove_all() == {"slow"}
    assert len(tries) == 5


def test_one_that_stays_is_an_error_in_the_end_and_the_others_go():
    engine = Containers("stuck", "one", "two")

    def remove(name: str) -> None:
        if name == "stuck":
            raise ContainerFailed("cannot remove container stuck: device is busy")
        del engine.there[name]

    engine.on_remove = remove
    with pytest.raises(ContainerFailed, match="device is busy"):
        engine.remove_all()
    assert set(engine.there) == {"stuck"}
    # Asked to stop a few times only: from then on it would be its grace each time.
    assert sum(step.startswith("stop stuck") for step in engine.done) == 3


def test_what_comes_anew_each_time_is_not_removed_for_ever():
    engine = Containers("0")

    def remove(name: str) -> None:
        del engine.there[name]
        engine.add(str(int(name) + 1))

    engine.on_remove = remove
    with pytest.raises(ContainerFailed, match="others come each time"):
        engine.remove_all()


def test_an_engine_that_goes_away_is_told_at_once():
    engine = Containers("one", "two")

    def remove(name: str) -> None:
        raise EngineUnavailable("gone")

    engine.on_remove = remove
    with pytest.raises(EngineUnavailable):
        engine.remove_all()


# -- in the background


class Background:
    """A sweep of the generation g1."""

    def __init__(self, engine: Containers) -> None:
        self.engine = engine
        self.journal = Entries()
        self.stale = {"g1"}
        self.tried = 0
        self.is_there = True
        self.gone: frozenset[str] = frozenset()
        self.sweep = Sweep(
            SweepParts(
                removal=engine.removal,
                journal=self.journal,
                clock=Hasty(),
                stale=lambda: frozenset(self.stale),
                seen=lambda _: frozenset({"seen"}),
                removed=self._removed,
                tried=self._tried,
                is_there=lambda: self.is_there,
            )
        )

    def _removed(self, generation: str, container_ids: frozenset[str]) -> None:
        self.stale.discard(generation)
        self.gone = container_ids

    def _tried(self) -> None:
        self.tried += 1


def test_a_sweep_removes_what_is_stale():
    async def scenario():
        background = Background(Containers("one"))
        background.sweep.kick()
        background.sweep.kick()
        await until(lambda: background.tried, "it is done")
        assert background.gone == {"one", "seen"}
        await background.sweep.stop()

    asyncio.run(scenario())


def test_a_sweep_lets_others_go_on_when_one_is_stuck():
    async def scenario():
        engine = Containers("stuck")
        background = Background(engine)

        def remove(name: str) -> None:
            raise ContainerFailed("cannot remove container stuck: device is busy")

        engine.on_remove = remove
        for number in (1, 2):
            background.sweep.kick()
            await until(lambda number=number: background.tried == number, "it was tried")
        assert background.stale == {"g1"}
        assert background.journal.events() == ["docker-container-not-removed"]
        engine.on_remove = engine.there.pop
        background.sweep.kick()
        await until(lambda: not background.stale, "it is gone")
        await background.sweep.stop()

    asyncio.run(scenario())


def test_a_sweep_tries_again_as_long_as_the_engine_is_there():
    async def scenario():
        engine = Containers("one")
        engine.is_up = False
        background = Background(engine)
        background.sweep.kick()
        for _ in range(50):
            await asyncio.sleep(0)
        assert not background.tried
        engine.is_up = True
        await until(lambda: background.tried, "it is done")
        assert background.stale == set()
        # And leaves it to the next connection when it is gone.
        background.stale.add("g1")
        background.is_there = engine.is_up = False
        background.sweep.kick()
        for _ in range(50):
            await asyncio.sleep(0)
        assert background.stale == {"g1"}
        assert background.tried == 1
        await background.sweep.stop()

    asyncio.run(scenario())
