"""A component that goes away lets go of names, ports, devices and volumes that a new one needs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from greendock.base.clock import SystemClock
from greendock.docker.containers.claims import Claims, PortClaim
from greendock.docker.containers.labels import Owner, labels_of
from greendock.docker.containers.room import Room, RoomParts
from greendock.docker.containers.way import Holding, in_the_way, read_holding
from greendock.docker.engine.client import Engine

if TYPE_CHECKING:
    from lab.lab import Lab

IMAGE = "mysql:8.0"
CORE = "c0ffee"


def owner(component: str, core: str = CORE) -> Owner:
    return Owner(core, component, "1.0.0", f"generation-of-{component}")


def holding(component: str, claims: Claims) -> Holding:
    return Holding("id", owner(component), claims)


def port(first: int, last: int = 0, address: str = "", protocol: str = "tcp") -> PortClaim:
    return PortClaim(protocol, first, last or first, address)


def ports(*claims: PortClaim) -> Claims:
    return Claims(ports=frozenset(claims))


def devices(*paths: str) -> Claims:
    return Claims(devices=frozenset(paths))


def volumes(*names: str) -> Claims:
    return Claims(volumes=frozenset(names))


@pytest.mark.parametrize(
    ("wanted", "other", "held"),
    [
        (Claims("db"), Claims("db"), ("the name db",)),
        (Claims("db"), Claims("web"), None),
        (Claims(), Claims(), None),
        (volumes("v", "w"), volumes("v"), ("the volume v",)),
        (devices("/dev/a", "/dev/b"), devices("/dev/a"), ("the device /dev/a",)),
        (ports(port(80)), ports(port(80)), ("port 80/tcp",)),
        (ports(port(80)), ports(port(81)), None),
        (ports(port(80)), ports(port(80, protocol="udp")), None),
        (ports(port(80, 90)), ports(port(85)), ("port 85/tcp",)),
        (ports(port(80, address="127.0.0.1")), ports(port(80)), ("port 80/tcp",)),
    ],
)
def test_what_is_held_is_told(wanted: Claims, other: Claims, held: tuple[str, ...] | None) -> None:
    assert in_the_way(wanted, "new", [holding("old", other)]) == ({"old": held} if held else {})


def test_its_own_containers_are_never_in_the_way() -> None:
    assert in_the_way(Claims("db"), "new", [holding("new", Claims("db"))]) == {}


def test_all_who_hold_something_are_told() -> None:
    wanted = Claims("db", frozenset({port(80)}))
    holdings = [holding("a", Claims("db")), holding("b", Claims(ports=frozenset({port(80)})))]
    assert set(in_the_way(wanted, "new", holdings)) == {"a", "b"}


def test_one_that_has_ended_has_its_name_and_volumes_only() -> None:
    body: dict[str, Any] = {
        "Id": "1",
        "Name": "/db",
        "Config": {"Labels": labels_of(owner("old"))},
        "State": {"Status": "exited"},
        "HostConfig": {
            "Binds": ["data:/data", "/a:/b"],
            "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "80"}]},
            "Devices": [{"PathOnHost": "/dev/a"}],
        },
    }
    found = read_holding(body)
    assert found is not None
    assert found.claims == Claims("db", volumes=frozenset({"data"}))
    body["State"]["Status"] = "running"
    found = read_holding(body)
    assert found is not None
    assert found.claims == Claims(
        "db", frozenset({port(80)}), frozenset({"/dev/a"}), frozenset({"data"})
    )


@pytest.mark.parametrize("body", [{}, {"Config": None}, {"Config": {"Labels": {"a": "b"}}}])
def test_what_is_nobodys_is_not_told(body: dict[str, Any]) -> None:
    assert read_holding(body) is None


@dataclass
class Leaving:
    """Components that go away, and what happens when one has to make way."""

    names: set[str] = field(default_factory=set)
    goes: Callable[[str], Awaitable[bool]] | None = None
    asked: list[str] = field(default_factory=list)

    def leaving(self) -> Collection[str]:
        return self.names

    async def give_way(self, component: str) -> bool:
        self.asked.append(component)
        return await self.goes(component) if self.goes is not None else False


@dataclass
class Entries:
    written: list[str] = field(default_factory=list)

    def write(self, level: str, event: str, message: str, **contexts: str) -> None:
        self.written.append(f"{level} {event}: {message}")


@pytest.fixture
def start(lab: Lab) -> Callable[..., str]:
    """Starts a container of a component; gives its id."""
    lab.reset()
    if lab.docker("image", "inspect", IMAGE).returncode != 0:
        assert lab.docker("pull", "--quiet", IMAGE).returncode == 0

    def run(component: str, *options: str, core: str = CORE) -> str:
        marks = [f"--label={n}={v}" for n, v in labels_of(owner(component, core)).items()]
        started = lab.docker("run", "--detach", *marks, *options, IMAGE)
        assert started.returncode == 0, started.stderr
        return started.stdout.strip()

    return run


def make_way(lab: Lab, claims: Claims, leaving: Leaving, deadline_s: float = 60) -> list[str]:
    entries = Entries()

    async def scenario() -> None:
        engine = Engine.from_environment(lab.docker_host, {})
        try:
            parts = RoomParts(CORE, engine, entries, SystemClock(), deadline_s)
            await Room(parts, leaving).of("new").make_way(claims)
        finally:
            await engine.close()

    asyncio.run(scenario())
    return entries.written


def removing(lab: Lab, *containers: str) -> Callable[[str], Awaitable[bool]]:
    async def goes(component: str) -> bool:
        # It goes by itself, some time after it was told to.
        asyncio.get_running_loop().call_later(
            0.3,
            lambda: asyncio.ensure_future(asyncio.to_thread(lab.docker, "rm", "-f", *containers)),
        )
        return True

    return goes


def exists(lab: Lab, container: str) -> bool:
    return lab.docker("inspect", container).returncode == 0


@pytest.mark.parametrize(
    ("options", "claims"),
    [
        (("--name=db",), Claims("db")),
        (("--volume=data:/data",), Claims(volumes=frozenset({"data"}))),
        (("--device=/dev/null",), Claims(devices=frozenset({"/dev/null"}))),
    ],
)
def test_who_leaves_is_asked_and_waited_for(
    lab: Lab, start: Callable[..., str], options: tuple[str, ...], claims: Claims
) -> None:
    old = start("old", *options)
    leaving = Leaving({"old"}, removing(lab, old))
    told = make_way(lab, claims, leaving)
    assert not exists(lab, old)
    assert leaving.asked == ["old"]
    assert len(told) == 1
    assert "old makes way for new" in told[0]


def test_a_port_is_given_up(lab: Lab, start: Callable[..., str]) -> None:
    assert lab.bridge_network, "no port can be published without a bridge network"
    old = start("old", "--publish=127.0.0.1:8086:80")
    leaving = Leaving({"old"}, removing(lab, old))
    make_way(lab, Claims(ports=frozenset({port(8080, 8090)})), leaving)
    assert not exists(lab, old)


def test_who_stays_is_not_asked_nor_waited_for(lab: Lab, start: Callable[..., str]) -> None:
    old = start("old", "--name=db")
    leaving = Leaving({"another"})
    told = make_way(lab, Claims("db"), leaving)
    assert exists(lab, old)
    assert (leaving.asked, told) == ([], [])


def test_who_leaves_without_holding_anything_is_not_asked(
    lab: Lab, start: Callable[..., str]
) -> None:
    start("old", "--name=web")
    leaving = Leaving({"old"})
    make_way(lab, Claims("db"), leaving)
    assert leaving.asked == []


def test_containers_of_other_cores_are_none_of_it(lab: Lab, start: Callable[..., str]) -> None:
    start("old", "--name=db", core="another")
    leaving = Leaving({"old"})
    make_way(lab, Claims("db"), leaving)
    assert leaving.asked == []


def test_one_that_stays_after_all_is_not_waited_for(lab: Lab, start: Callable[..., str]) -> None:
    old = start("old", "--name=db")
    leaving = Leaving({"old"})
    make_way(lab, Claims("db"), leaving)
    assert leaving.asked == ["old"]
    assert exists(lab, old)


def test_one_that_takes_too_long_is_told_and_left_to_the_engine(
    lab: Lab, start: Callable[..., str]
) -> None:
    async def never(component: str) -> bool:
        return True

    old = start("old", "--name=db")
    told = make_way(lab, Claims("db"), Leaving({"old"}, never), deadline_s=0.5)
    assert exists(lab, old)
    assert told[-1].startswith("WARN docker-way-not-made")


def test_nobody_leaves_so_the_engine_is_not_asked(tmp_path: Any) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        entries = Entries()

        async def scenario() -> None:
            engine = Engine.from_environment(f"unix://{tmp_path}/s", {})
            parts = RoomParts(CORE, engine, entries, SystemClock())
            await Room(parts, Leaving()).make_way("new", Claims("db"))
            await Room(parts, Leaving({"new"})).make_way("new", Claims("db"))
            await Room(parts, Leaving({"old"})).make_way("new", Claims())
            await engine.close()

        asyncio.run(scenario())
    assert entries.written == []


def test_an_engine_that_is_away_is_no_error(tmp_path: Any) -> None:
    entries = Entries()

    async def scenario() -> None:
        engine = Engine.from_environment(f"unix://{tmp_path}/none", {})
        parts = RoomParts(CORE, engine, entries, SystemClock())
        await Room(parts, Leaving({"old"})).make_way("new", Claims("db"))
        await engine.close()

    asyncio.run(scenario())
    assert len(entries.written) == 1
    assert "nobody was asked to make way" in entries.written[0]
