"""Containers that a core paused are resumed, by it or by its next life; those of others never."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from greendock.base.clock import SystemClock
from greendock.base.database import Database
from greendock.base.errors import DeviceError
from greendock.daemon.component_containers import ComponentContainers
from greendock.docker.containers.container_pauses import ContainerPauses
from greendock.docker.containers.labels import Owner, labels_of
from greendock.docker.containers.ownership import Footprint, Seeker
from greendock.docker.containers.paused_record import PausedRecord
from greendock.docker.engine.connection import Answer
from greendock.docker.engine.containers import ContainerStore
from greendock.docker.errors import ContainerFailed, DockerError, EngineUnavailable
from greendock.docker.keeping.ledger import ImageLedger
from greendock.lifecycle.model import ComponentSpec
from greendock.lifecycle.ports import ContainerOwner
from greendock.recipe.model import Step, Steps

WEB = "com.example.Web"
TOKEN = "T" * 32
DIGEST = hashlib.sha256(TOKEN.encode()).digest()


@dataclass
class FakeEngine:
    """Containers by id, True for a paused one. A start may come between two looks."""

    containers: dict[str, bool] = field(default_factory=dict)
    starting: list[str] = field(default_factory=list)
    refusing: set[str] = field(default_factory=set)
    is_up: bool = True
    asked: int = 0
    is_podman: bool = False
    labels: dict[str, dict[str, str]] = field(default_factory=dict)

    async def api_version(self):
        return "1.44"

    async def ask(self, method, path, *, params=None, registry_auth=None, timeout_s=60.0):
        self.asked += 1
        if not self.is_up:
            raise EngineUnavailable("cannot reach the Docker engine")
        if path == "/containers/json":
            return self._answer(200, [{"Id": name} for name in self.containers])
        _, _, name, verb = path.split("/")
        if name not in self.containers:
            return self._answer(404, {"message": "No such container"})
        if verb == "json":
            config = {"Env": [f"SVCUID={TOKEN}"], "Labels": self.labels.get(name)}
            state = {"Running": True, "Paused": self.containers[name]}
            return self._answer(200, {"Id": name, "State": state, "Config": config})
        if name in self.refusing:
            return self._answer(500, {"message": "the kernel says no"})
        self.containers[name] = verb == "pause"
        if self.starting:
            self.containers[self.starting.pop(0)] = False
        return self._answer(204, "")

    @staticmethod
    def _answer(status, body):
        return Answer(status, {}, json.dumps(body).encode())

    @staticmethod
    def failure(prefix, answer, otherwise):
        return otherwise(f"{prefix}: {json.loads(answer.body)['message']}")

    def paused(self) -> set[str]:
        return {name for name, is_paused in self.containers.items() if is_paused}


@dataclass
class Journal:
    texts: list[str] = field(default_factory=list)

    def write(self, level, event, message, **contexts):
        self.texts.append(message)


class Hasty(SystemClock):
    """Doesn't wait between two tries."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


@dataclass
class Machine:
    """One engine and a core's database; `core()` is a new life of the core."""

    folder: Path
    engine: FakeEngine = field(default_factory=FakeEngine)

    def __post_init__(self) -> None:
        self.database = Database(self.folder / "db")
        self.record = PausedRecord(self.database)
        self.journal = Journal()

    def pauses(self) -> ContainerPauses:
        return ContainerPauses(ContainerStore(self.engine), self.record, self.journal)

    def core(self) -> ComponentContainers:
        docker = SimpleNamespace(engine=self.engine, journal=self.journal)
        clock = Hasty()
        ledger = ImageLedger(self.database, clock)
        return ComponentContainers(docker, ledger, self.record, clock, lambda: [WEB])

    def recorded(self) -> set[str]:
        return {entry.container_id for entry in self.record.all()}


@pytest.fixture
def machine(tmp_path):
    found = Machine(tmp_path)
    yield found
    found.database.close()


def owner(**steps: str) -> ContainerOwner:
    scripts = Steps(**{name: Step(text) for name, text in steps.items()})
    return ContainerOwner(ComponentSpec(WEB, "1.0.0", scripts), DIGEST, 0.0)


def pause(machine):
    return machine.pauses().pause(Seeker(WEB, DIGEST, 0.0), {WEB: Footprint("web")})


def test_what_starts_meanwhile_is_paused_too(machine):
    machine.engine.containers = {"one": False}
    machine.engine.starting = ["two", "three"]
    asyncio.run(pause(machine))
    assert machine.engine.paused() == machine.recorded() == {"one", "two", "three"}


def test_what_never_ends_is_an_error(machine):
    machine.engine.containers = {"0": False}
    machine.engine.starting = [str(number) for number in range(1, 100)]
    with pytest.raises(ContainerFailed, match="new ones each time"):
        asyncio.run(pause(machine))
    # Those that were paused are known, to be resumed.
    assert machine.engine.paused() <= machine.recorded()


def test_one_that_fails_does_not_keep_the_others_from_it(machine):
    machine.engine.containers = {"a": False, "b": False, "c": False}
    machine.engine.refusing = {"b"}
    with pytest.raises(ContainerFailed, match="the kernel says no"):
        asyncio.run(pause(machine))
    assert machine.engine.paused() == {"a", "c"}
    assert machine.recorded() == {"a", "b", "c"}
    machine.engine.refusing = {"c"}
    with pytest.raises(ContainerFailed, match="cannot unpause container c"):
        asyncio.run(machine.pauses().resume(machine.record.all()))
    assert machine.engine.paused() == machine.recorded() == {"c"}
    machine.engine.refusing = set()
    asyncio.run(machine.pauses().resume(machine.record.all()))
    assert machine.engine.paused() == machine.recorded() == set()


def test_those_that_people_paused_are_not_recorded(machine):
    machine.engine.containers = {"ours": False, "theirs": True}
    asyncio.run(pause(machine))
    assert machine.recorded() == {"ours"}
    asyncio.run(machine.pauses().resume(machine.record.of(WEB)))
    assert machine.engine.paused() == {"theirs"}


def test_one_that_is_gone_is_forgotten(machine):
    machine.engine.containers = {"a": False}
    asyncio.run(pause(machine))
    del machine.engine.containers["a"]
    asyncio.run(machine.pauses().resume(machine.record.all()))
    assert machine.recorded() == set()


def test_the_next_life_of_the_core_resumes_them(machine):
    machine.engine.containers = {"a": False}

    async def scenario():
        await machine.core().pause(owner(run="docker run x"))
        assert machine.engine.paused() == {"a"}
        # That core is killed.
        core = machine.core()
        await core.recover()
        assert machine.engine.paused() == machine.recorded() == set()
        await core.stop()

    asyncio.run(scenario())


def test_an_engine_that_comes_later_is_waited_for(machine):
    machine.engine.containers = {"a": False}

    async def scenario():
        await machine.core().pause(owner(run="docker run x"))
        machine.engine.is_up = False
        core = machine.core()
        await core.recover()
        assert machine.recorded() == {"a"}
        machine.engine.is_up = True
        async with asyncio.timeout(10):
            while machine.recorded():
                await asyncio.sleep(0.001)
        assert machine.engine.paused() == set()
        await core.stop()

    asyncio.run(scenario())


def test_what_is_released_is_resumed_and_what_is_paused_now_is_not(machine):
    machine.engine.containers = {"a": False}

    async def scenario():
        core = machine.core()
        await core.pause(owner(run="docker run x"))
        await core.recover()
        await core.stop()
        assert machine.engine.paused() == {"a"}
        core.release(WEB)
        async with asyncio.timeout(10):
            while machine.recorded():
                await asyncio.sleep(0.001)
        assert machine.engine.paused() == set()
        await core.stop()

    asyncio.run(scenario())


def test_an_engine_that_is_away_counts_only_for_who_uses_it(machine):
    machine.engine.is_up = False

    async def scenario():
        core = machine.core()
        await core.pause(owner(run="sleep 10"))
        await core.resume(WEB)
        with pytest.raises(DockerError):
            await core.pause(owner(run="docker run x"))
        assert machine.recorded() == set()

    asyncio.run(scenario())


def test_a_core_without_pauses_asks_no_engine(machine):
    async def scenario():
        core = machine.core()
        await core.recover()
        await core.resume(WEB)
        await core.stop()

    asyncio.run(scenario())
    assert machine.engine.asked == 0


def test_a_full_disk_keeps_nothing_paused(machine, caplog):
    machine.engine.containers = {"a": False, "b": False}
    asyncio.run(machine.pauses().pause(Seeker(WEB, DIGEST, 0.0), {WEB: Footprint("")}))
    machine.database.query("PRAGMA query_only=ON")
    asyncio.run(machine.pauses().resume(machine.record.of(WEB)))
    assert machine.engine.paused() == machine.recorded() == set()
    assert "a restart of the core" in caplog.text
    machine.database.query("PRAGMA query_only=OFF")
    machine.engine.containers["c"] = False
    machine.engine.containers.pop("b")
    asyncio.run(machine.pauses().pause(Seeker(WEB, DIGEST, 0.0), {WEB: Footprint("")}))
    assert machine.recorded() == {"a", "c"}
    assert {e.container_id for e in PausedRecord(machine.database).all()} == {"a", "c"}


def test_a_new_core_on_a_full_disk_starts_and_remembers_later(tmp_path):
    database = Database(tmp_path / "db")
    database.query("PRAGMA query_only=ON")
    record = PausedRecord(database)
    assert record.all() == record.of(WEB) == ()
    with pytest.raises(DeviceError):
        record.add(WEB, ["a"])
    database.query("PRAGMA query_only=OFF")
    record.add(WEB, ["a"])
    assert [entry.container_id for entry in record.all()] == ["a"]
    database.close()


def test_a_core_pauses_what_its_labels_say_is_of_this_life(machine):
    async def scenario():
        core = ComponentContainers(
            SimpleNamespace(engine=machine.engine, journal=machine.journal),
            ImageLedger(machine.database, Hasty()),
            machine.record,
            Hasty(),
            lambda: [WEB],
            core="core-1",
        )
        await core.pause(replace(owner(run="docker run x"), life_id="a1"))

    machine.engine.containers = dict.fromkeys(("own", "old", "other", "bare"), False)
    machine.engine.labels = {
        "own": labels_of(Owner("core-1", WEB, "1.0.0", "a1")),
        "old": labels_of(Owner("core-1", WEB, "1.0.0", "a0")),
        "other": labels_of(Owner("core-2", WEB, "1.0.0", "a1")),
    }
    asyncio.run(scenario())
    assert machine.engine.paused() == machine.recorded() == {"own", "bare"}
    assert [text for text in machine.journal.texts if "container old runs on" in text]
    assert not [text for text in machine.journal.texts if "other" in text]
