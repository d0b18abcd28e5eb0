"""What a name, an id or the beginning of one means is the engine's to say, and so is the owner."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.rule_ports import MINE
from greendock.docker.containers.labels import labels_of
from greendock.docker.engine.client import Engine
from greendock.docker.errors import EngineUnavailable
from greendock.docker.gateway.engine_lookup import EngineLookup
from greendock.docker.gateway.ports import Kind, Thing
from lab import unix_http
from lab.connections import connections_end

if TYPE_CHECKING:
    from lab.lab import Lab

LABELS = [word for name, text in labels_of(MINE).items() for word in ("--label", f"{name}={text}")]


@pytest.fixture
def made(lab: Lab) -> Iterator[dict[str, str]]:
    """Ids of a container, a network and a volume of MINE, and of a container of nobody."""
    lab.reset()
    assert lab.docker("pull", "-q", "mysql:8.0").returncode == 0
    run = ("--init", "mysql:8.0", "/bin/sh", "-c", "while :; do sleep 1; done")
    yield {
        "container": lab.docker("run", "-d", "--name", "web", *LABELS, *run).stdout.strip(),
        "nobodys": lab.docker("create", "--name", "plain", *run).stdout.strip(),
        "network": lab.docker("network", "create", *LABELS, "net").stdout.strip(),
        "volume": lab.docker("volume", "create", *LABELS, "vol").stdout.strip(),
    }
    lab.docker("rm", "-f", "web", "plain")


def ask(host: str, work: Callable[[EngineLookup], Coroutine[Any, Any, Any]]) -> Any:
    async def run() -> Any:
        engine = Engine.from_environment(host, {})

        async def ready() -> None:
            return None

        try:
            return await work(EngineLookup(engine, ready))
        finally:
            await engine.close()
            await connections_end()

    return asyncio.run(run())


def test_names_ids_and_prefixes_lead_to_the_owner(lab: Lab, made: dict[str, str]):
    container, network = made["container"], made["network"]

    async def look(lookup: EngineLookup) -> list[Thing | None]:
        refs = [(Kind.CONTAINER, ref) for ref in ("web", container, container[:8])]
        refs += [(Kind.NETWORK, ref) for ref in ("net", network, network[:8])]
        refs += [(Kind.VOLUME, "vol")]
        return [await lookup.find(kind, ref) for kind, ref in refs]

    found = ask(lab.docker_host, look)
    assert [(thing.owner, thing.name) for thing in found] == [
        *[(MINE, "web")] * 3,
        *[(MINE, "net")] * 3,
        (MINE, "vol"),
    ]
    assert {thing.driver for thing in found[3:6]} == {"bridge"}


def test_a_command_in_a_container_is_its_containers(lab: Lab, made: dict[str, str]):
    answer = unix_http.call(lab.socket, "POST", "/containers/web/exec", {"Cmd": ["/bin/true"]})
    exec_id = json.loads(answer.body)["Id"]

    async def look(lookup: EngineLookup) -> Thing | None:
        return await lookup.find(Kind.EXEC, exec_id)

    thing = ask(lab.docker_host, look)
    assert (thing.owner, thing.name) == (MINE, "web")


def test_nobodys_things_and_missing_ones_are_told_apart(lab: Lab, made: dict[str, str]):
    async def look(lookup: EngineLookup) -> list[Any]:
        plain = await lookup.find(Kind.CONTAINER, "plain")
        assert plain is not None
        missing = [
            await lookup.find(kind, ref)
            for kind in Kind
            for ref in ("missing", "with space", "a/b", "%2e", "\u00e9", "vol" * 100)
        ]
        return [plain.owner, *missing]

    assert set(ask(lab.docker_host, look)) == {None}


def test_a_name_that_means_another_thing_now_is_asked_for_anew(lab: Lab, made: dict[str, str]):
    async def look(lookup: EngineLookup) -> list[Any]:
        before = await lookup.find(Kind.CONTAINER, "web")
        await asyncio.to_thread(lab.docker, "rm", "-f", "web")
        await asyncio.to_thread(lab.docker, "rename", "plain", "web")
        after = await lookup.find(Kind.CONTAINER, "web")
        assert before is not None
        assert after is not None
        return [before.owner, after.owner]

    assert ask(lab.docker_host, look) == [MINE, None]


def test_an_engine_that_is_away_is_no_answer(tmp_path: Path):
    async def look(lookup: EngineLookup) -> None:
        with pytest.raises(EngineUnavailable):
            await lookup.find(Kind.CONTAINER, "web")

    ask(f"unix://{tmp_path}/nothing.sock", look)
