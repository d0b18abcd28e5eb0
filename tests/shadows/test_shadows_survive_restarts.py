"""Shadows outlive the core, and so does the count of those that were deleted."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from greendock.base.database import Database
from greendock.base.errors import DeviceError
from greendock.shadows.document import ShadowDocument
from greendock.shadows.errors import NoSuchShadow, ShadowRefused, TooManyRequests
from greendock.shadows.names import ShadowName
from greendock.shadows.ports import ShadowLimits
from greendock.shadows.service import ShadowService
from greendock.shadows.store import KEPT_S, ShadowStore
from greendock.shadows.store_thread import MOST_WAITING, StoreThread

LAMP = ShadowName("thing", "lamp")
CLASSIC = ShadowName("thing")
DOCUMENT = ShadowDocument(
    3,
    {"desired": {"a": [1, None, {"b": "ü"}]}},
    {"desired": {"a": [{"timestamp": 1}, {"timestamp": 1}, {"b": {"timestamp": 1}}]}},
)
_WRITE_UNTIL_KILLED = """
import os, signal, sys
from greendock.base.database import Database
from greendock.shadows.document import ShadowDocument
from greendock.shadows.names import ShadowName
from greendock.shadows.store import ShadowStore
store = ShadowStore(Database(sys.argv[1]))
for version in range(1, 6):
    store.put(ShadowName("thing", "lamp"), ShadowDocument(version, {"desired": {"v": version}}), 1)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "core.db"


def test_what_was_put_is_there_after_a_restart(path: Path) -> None:
    first = Database(path)
    store = ShadowStore(first)
    store.put(LAMP, DOCUMENT, 10)
    store.put(CLASSIC, ShadowDocument(1), 10)
    first.close()
    again = ShadowStore(Database(path))
    assert again.get(LAMP) == DOCUMENT
    assert again.get(CLASSIC) == ShadowDocument(1)
    assert again.get(ShadowName("thing", "other")) is None
    assert again.names("thing", "", 10) == ["lamp"]


def test_what_was_put_is_there_after_a_kill(path: Path) -> None:
    result = subprocess.run([sys.executable, "-c", _WRITE_UNTIL_KILLED, str(path)])
    assert result.returncode == -9
    assert ShadowStore(Database(path)).get(LAMP) == ShadowDocument(5, {"desired": {"v": 5}})


def test_the_version_of_a_deleted_shadow_is_kept_for_two_days(path: Path) -> None:
    first = Database(path)
    store = ShadowStore(first)
    store.put(LAMP, DOCUMENT, 10)
    store.delete(LAMP, 100)
    first.close()
    again = ShadowStore(Database(path))
    assert again.get(LAMP) is None
    assert again.last_version(LAMP, 100 + KEPT_S - 1) == 3
    assert again.last_version(LAMP, 100 + KEPT_S) == 0


def test_old_deletions_are_forgotten(path: Path) -> None:
    database = Database(path)
    store = ShadowStore(database)
    for name in (LAMP, CLASSIC, ShadowName("thing", "kept")):
        store.put(name, DOCUMENT, 10)
    store.delete(LAMP, 100)
    store.delete(CLASSIC, 100 + KEPT_S)
    rows = database.query("SELECT name FROM shadow ORDER BY name")
    assert [row["name"] for row in rows] == ["", "kept"]


class Told:
    def __init__(self) -> None:
        self.topics: list[str] = []

    def publish(self, publisher: str, topic: str, message: object) -> int:
        self.topics.append(topic.removeprefix("$aws/things/thing/shadow/"))
        return 0


class Clock:
    def now(self) -> float:
        return 1700000000.0

    def monotonic(self) -> float:
        return 1.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here waits")


def allow(_resource: str) -> None:
    """Everybody may."""


def patch(value: int) -> bytes:
    return b'{"state":{"reported":{"a":%d}}}' % value


class Shadows:
    """A service over a file, whose store can be held up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told = Told()
        self.opened: list[Database] = []
        self.may_open = threading.Event()
        self.may_open.set()
        self.thread = StoreThread(self._open)
        limits = ShadowLimits(requests_per_thing=10_000, requests_in_total=10_000)
        self.service = ShadowService(self.thread, Clock(), lambda: limits, self.told)

    def _open(self) -> ShadowStore:
        assert self.may_open.wait(10)
        database = Database(self.path)
        self.opened.append(database)
        return ShadowStore(database)

    def run(self, action: Callable[[ShadowService], Awaitable[None]]) -> None:
        async def whole() -> None:
            try:
                async with asyncio.timeout(20):
                    await action(self.service)
            finally:
                self.may_open.set()
                await self.service.close()

        asyncio.run(whole())


@pytest.fixture
def shadows(path: Path) -> Shadows:
    return Shadows(path)


def test_nothing_is_opened_before_the_first_use(shadows: Shadows) -> None:
    async def use(service: ShadowService) -> None:
        with pytest.raises(ShadowRefused):
            await service.get("a/b", None, allow)
        assert shadows.opened == [] and not shadows.path.exists()
        await service.names("caller", "thing", 25, None, allow)
        assert len(shadows.opened) == 1

    shadows.run(use)


def test_a_store_that_fails_leaves_the_shadow_and_is_told(shadows: Shadows) -> None:
    async def use(service: ShadowService) -> None:
        await service.update("thing", None, patch(1), allow)
        shadows.told.topics.clear()
        database = shadows.opened[0]
        full = "CREATE TRIGGER full BEFORE INSERT ON shadow BEGIN SELECT RAISE(FAIL,'x');END"
        await shadows.thread.run(lambda _: database.execute(full))
        with pytest.raises(DeviceError):
            await service.update("thing", None, patch(2), allow)
        assert shadows.told.topics == ["update/rejected"]
        await shadows.thread.run(lambda _: database.execute("DROP TRIGGER full"))
        assert b'"reported":{"a":1}' in await service.get("thing", None, allow)

    shadows.run(use)


def test_a_database_that_cannot_be_opened_is_tried_again(shadows: Shadows) -> None:
    shadows.path.write_bytes(b"no database, just some text that is long enough to be looked at")

    async def use(service: ShadowService) -> None:
        for _ in range(2):
            with pytest.raises(DeviceError):
                await service.get("thing", None, allow)
        shadows.path.unlink()
        assert await service.update("thing", None, patch(1), allow)

    shadows.run(use)


def test_without_a_publisher_nothing_is_told(shadows: Shadows) -> None:
    async def use(_: ShadowService) -> None:
        silent = ShadowService(shadows.thread, Clock(), ShadowLimits)
        await silent.update("thing", None, patch(1), allow)
        with pytest.raises(NoSuchShadow):
            await silent.get("thing", "other", allow)

    shadows.run(use)
    assert shadows.told.topics == []


def test_changes_at_a_time_are_made_and_told_one_after_the_other(shadows: Shadows) -> None:
    async def use(service: ShadowService) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(service.update("thing", None, patch(number), allow))
                for number in range(50)
            ]
        versions = [json.loads(task.result())["version"] for task in tasks]
        assert versions == list(range(1, 51))

    shadows.run(use)
    assert shadows.told.topics == ["update/documents", "update/accepted"] * 50


def test_who_goes_away_does_not_stop_a_change(shadows: Shadows) -> None:
    async def use(service: ShadowService) -> None:
        shadows.may_open.clear()
        caller = asyncio.create_task(service.update("thing", None, patch(1), allow))
        while not shadows.thread.waiting:
            await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert shadows.told.topics == []
        shadows.may_open.set()
        await service.close()
        assert shadows.told.topics == ["update/documents", "update/accepted"]
        assert b'"version":1' in await service.get("thing", None, allow)

    shadows.run(use)


def test_a_disk_that_cannot_keep_up_is_not_given_more_and_more(shadows: Shadows) -> None:
    async def use(service: ShadowService) -> None:
        shadows.may_open.clear()
        callers = [
            asyncio.create_task(service.get("thing", None, allow)) for _ in range(MOST_WAITING)
        ]
        while shadows.thread.waiting < MOST_WAITING:
            await asyncio.sleep(0)
        with pytest.raises(TooManyRequests):
            await service.get("thing", None, allow)
        shadows.may_open.set()
        found = await asyncio.gather(*callers, return_exceptions=True)
        assert {type(one) for one in found} == {NoSuchShadow}

    shadows.run(use)
