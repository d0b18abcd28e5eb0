"""What was started past a component's Docker socket is found, shown, and told once in the log."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field

import pytest

from greendock.docker.containers.labels import Owner, labels_of
from greendock.docker.containers.ownership import COMPOSE_LABEL, Footprint, Seeker
from greendock.docker.containers.unowned import UnownedContainers, find_unowned
from greendock.docker.containers.view import UnownedContainer
from greendock.docker.engine.container_model import ContainerInfo
from greendock.docker.errors import EngineUnavailable

WEB, DB = "com.example.Web", "com.example.Db"
TOKENS = {WEB: "W" * 32, DB: "D" * 32}
KNOWN = {
    WEB: Footprint("web-1", frozenset({"sha256:web"})),
    DB: Footprint("db-1", frozenset({"sha256:db"})),
}
SEEKERS = [
    Seeker(name, hashlib.sha256(token.encode()).digest(), 100.0, "core", f"life-of-{name}")
    for name, token in TOKENS.items()
]


def container(name: str, *, image="sha256:other", token="", **labels: str) -> ContainerInfo:
    return ContainerInfo(
        id=name * 12,
        names=(name,),
        image_id=image,
        created_at_s=200.0,
        is_paused=False,
        labels=labels,
        environment={"SVCUID": token} if token else {},
        image_name="some/image:1",
    )


@dataclass
class Store:
    """The containers that run."""

    containers: list[ContainerInfo] = field(default_factory=list)
    is_up: bool = True

    async def running(self):
        if not self.is_up:
            raise EngineUnavailable("cannot reach the Docker engine")
        return self.containers


@dataclass
class Journal:
    texts: list[str] = field(default_factory=list)

    def write(self, level, event, message, **contexts):
        assert (level, event) == ("WARN", "docker-container-unowned")
        self.texts.append(message)


@dataclass
class Scene:
    store: Store = field(default_factory=Store)
    journal: Journal = field(default_factory=Journal)

    def __post_init__(self) -> None:
        self.unowned = UnownedContainers(self.store, self.journal)

    def look(self, *containers: ContainerInfo) -> None:
        self.store.containers = list(containers)
        asyncio.run(self.unowned.look(SEEKERS, KNOWN))

    def names(self, component: str) -> list[str]:
        return [one.name for one in self.unowned.of(component)]


@pytest.fixture
def scene():
    return Scene()


def test_token_compose_project_and_image_give_it_away(scene):
    scene.look(
        container("a", token=TOKENS[WEB]),
        container("b", **{COMPOSE_LABEL: "web-1"}),
        container("c", image="sha256:db"),
        container("d"),
    )
    assert scene.names(WEB) == ["a", "b"]
    assert scene.names(DB) == ["c"]
    assert scene.unowned.of(DB) == (UnownedContainer("c" * 12, "c", "some/image:1"),)
    assert scene.unowned.of("com.example.None") == ()


def test_what_has_labels_is_owned_whoever_it_is(scene):
    for owner in (Owner("core", WEB, "1", "old"), Owner("another", DB, "1", "x")):
        scene.look(container("a", token=TOKENS[WEB], **labels_of(owner)))
        assert scene.names(WEB) == []
    assert scene.journal.texts == []


def test_it_is_told_once_for_each_container(scene):
    one, two = container("a", token=TOKENS[WEB]), container("b", token=TOKENS[WEB])
    scene.look(one)
    scene.look(one)
    scene.look(one, two)
    assert [text.split(":")[0] for text in scene.journal.texts] == [
        "container a was started past the component's Docker socket",
        "container b was started past the component's Docker socket",
    ]
    assert f"{WEB} can neither limit nor stop it" in scene.journal.texts[0]
    assert TOKENS[WEB] not in "".join(scene.journal.texts)
    scene.look()
    assert scene.names(WEB) == []


def test_an_engine_that_is_away_changes_nothing(scene):
    scene.look(container("a", token=TOKENS[WEB]))
    scene.store.is_up = False
    with pytest.raises(EngineUnavailable):
        scene.look()
    assert scene.names(WEB) == ["a"]


def test_components_that_are_not_looked_for_have_none():
    found = find_unowned(SEEKERS[:1], KNOWN, [container("c", image="sha256:db")])
    assert found == {}
