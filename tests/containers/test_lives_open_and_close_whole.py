"""A life of a component is opened whole or not at all, and nothing of it stays behind."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from greendock.base.clock import SystemClock
from greendock.base.database import Database
from greendock.base.errors import GreendockError
from greendock.base.logs import ComponentLogs
from greendock.base.paths import Paths
from greendock.daemon.container_limits import ComponentLimits
from greendock.daemon.owned_containers import ContainerOwnership, OwnershipParts
from greendock.docker.containers.generation_record import GenerationRecord
from greendock.docker.containers.keeper import ContainerKeeper, KeeperParts
from greendock.docker.errors import ContainerFailed, EngineAddressError
from greendock.docker.gateway.access import Admission
from greendock.docker.gateway.gateway import Gateway, RefusingRules
from greendock.lifecycle.cgroup_mounts import Hierarchies
from greendock.lifecycle.cgroups import ControlGroups
from greendock.lifecycle.model import ComponentSpec
from greendock.lifecycle.ports import ContainerLife
from greendock.lifecycle.run_as import Account

NAME = "com.example.A"
ME = Account("me", os.getuid(), os.getgid(), (), "/")


class Entries:
    def write(self, level: str, event: str, message: str, **contexts: str) -> None:
        pass


class NoEngine:
    """As the core's Docker work where DOCKER_HOST makes no sense."""

    @property
    def engine(self) -> Any:
        raise EngineAddressError("cannot use the engine address 'ssh://x'")


@dataclass
class Sockets:
    """Gives sockets that refuse everything, or none at all."""

    paths: Paths
    may_use: bool = True
    opened: list[Gateway] = field(default_factory=list)

    def admission(self, life: ContainerLife) -> Admission:
        return Admission(self.may_use, refusal="" if self.may_use else "access is none")

    async def open(self, life: ContainerLife, owner: object, admission: Admission) -> Gateway:
        gateway = Gateway(RefusingRules(403, "no"), None)  # type: ignore[arg-type]
        path = self.paths.component_docker(life.spec.name, life.id)
        await gateway.open(path, ME.uid, ME.gid)
        self.opened.append(gateway)
        return gateway


@dataclass
class Scene:
    paths: Paths
    record: GenerationRecord
    sockets: Sockets
    ownership: ContainerOwnership

    def life(self, life_id: str = "1") -> ContainerLife:
        return ContainerLife(ComponentSpec(NAME, "1.0.0"), life_id, ME, "token")

    @property
    def socket_files(self) -> list[Path]:
        return list(self.paths.run.glob("*/docker-*/docker.sock"))


def scene(folder: Path, limits: Callable[[], ComponentLimits] | None = None) -> Scene:
    paths = Paths(folder)
    paths.run.mkdir(parents=True)
    paths.log_positions.mkdir(parents=True)
    record = GenerationRecord(Database(":memory:"))
    docker, clock = NoEngine(), SystemClock()

    def engine() -> Any:
        return docker.engine

    keeper = ContainerKeeper(KeeperParts("core", engine, record, Entries(), clock, lambda: 1.0))
    groups = ControlGroups("core", Hierarchies())
    sockets = Sockets(paths)
    ownership = ContainerOwnership(
        OwnershipParts(
            core="core",
            paths=paths,
            docker=docker,  # type: ignore[arg-type]
            keeper=keeper,
            logs=ComponentLogs(folder / "logs"),
            clock=clock,
            deployment_id=lambda: "deployment-1",
            sockets=lambda: sockets,  # type: ignore[arg-type,return-value]
            limits=limits
            or (lambda: ComponentLimits("core", groups, engine, clock, lambda _: ())),
        )
    )
    return Scene(paths, record, sockets, ownership)


def test_an_engine_address_that_makes_no_sense_is_no_matter_without_containers(tmp_path):
    async def scenario() -> None:
        found = scene(tmp_path)
        life = found.life()
        variables = await found.ownership.open(life)
        assert variables["DOCKER_HOST"].endswith("docker.sock")
        found.ownership.limit(life.id, None)
        assert found.ownership.limit_trouble(life.id) is None
        await found.ownership.close(life.id)
        assert found.socket_files == []
        assert not found.record.all()
        await found.ownership.stop()

    asyncio.run(scenario())


def test_nothing_is_left_of_a_life_that_could_not_be_opened(tmp_path):
    async def scenario() -> None:
        def fail() -> ComponentLimits:
            raise GreendockError("the disk is full")

        found = scene(tmp_path, fail)
        with pytest.raises(GreendockError, match="the disk is full"):
            await found.ownership.open(found.life())
        assert found.socket_files == []
        assert found.ownership.of_component(NAME) is None
        assert not found.record.all()
        await found.ownership.stop()

    asyncio.run(scenario())


@pytest.mark.parametrize("ends", ["close", "kill"])
def test_a_life_with_a_socket_that_refuses_is_forgotten_too(tmp_path, ends):
    async def scenario() -> None:
        found = scene(tmp_path)
        found.sockets.may_use = False
        for number in range(3):
            life = found.life(str(number))
            await found.ownership.open(life)
            await getattr(found.ownership, ends)(life.id)
            assert not found.ownership.lives
        assert found.socket_files == []
        found.sockets.may_use = True
        life = found.life("new")
        await found.ownership.open(life)
        assert found.ownership.of_component(NAME) == ("new", found.ownership.lives["new"])
        await found.ownership.close("new")
        await found.ownership.stop()

    asyncio.run(scenario())


def test_containers_of_a_component_that_may_not_use_docker_now_are_not_taken_over(tmp_path):
    async def scenario() -> None:
        found = scene(tmp_path)
        life = found.life()
        found.ownership._reclaimed.add(life.id)
        found.sockets.may_use = False
        with pytest.raises(ContainerFailed, match="cannot take containers over: access is none"):
            await found.ownership.open(life)
        assert not found.sockets.opened
        await found.ownership.close(life.id)
        assert await found.ownership.open(found.life("2"))  # it runs, without Docker
        await found.ownership.close("2")
        await found.ownership.stop()

    asyncio.run(scenario())


@pytest.mark.parametrize("goes_on", [True, False])
def test_notes_of_lives_that_are_over_go_at_the_start(tmp_path, goes_on):
    async def scenario() -> None:
        found = scene(tmp_path)
        folder = found.paths.log_positions
        for name in ("old.script", "over.script", "c1.container"):
            (folder / name).write_bytes(b"x")
        if goes_on:
            await found.ownership.open(found.life("old"))
            found.record.use("old")
        found.ownership.begin({})
        left = {path.name for path in folder.iterdir()}
        assert left == ({"old.script", "c1.container"} if goes_on else set())
        await found.ownership.stop()

    asyncio.run(scenario())
