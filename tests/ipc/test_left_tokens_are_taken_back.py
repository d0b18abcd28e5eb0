"""What a generation leaves to containers is valid while one of them holds it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from greendock.base.events import Bus
from greendock.base.paths import Paths
from greendock.daemon.identities import ComponentIdentities
from greendock.daemon.token_watch import UNASKED_LIMIT_S, TokenWatch
from greendock.docker.engine.container_model import ContainerInfo
from greendock.docker.errors import EngineUnavailable
from greendock.ipc.socket_folders import SocketFolders
from greendock.ipc.tokens import Tokens
from greendock.lifecycle.model import ComponentSpec, ComponentStateChanged, State

A, B = "com.example.A", "com.example.B"


@dataclass
class Clock:
    time_s: float = 1000.0

    def now(self) -> float:
        return self.time_s

    def monotonic(self) -> float:
        return self.time_s

    async def sleep(self, seconds: float) -> None:
        self.time_s += seconds


@dataclass
class Containers:
    """The engine's containers by id: what their environments hold."""

    environments: dict[str, dict[str, str]] = field(default_factory=dict)
    exited: set[str] = field(default_factory=set)
    is_away: bool = False
    asked: list[str] = field(default_factory=list)

    async def running(self, *, also_restarting: bool) -> list[ContainerInfo]:
        assert also_restarting
        self._ask("all")
        return [self._info(one) for one in self.environments if one not in self.exited]

    async def find(self, container_id: str) -> ContainerInfo | None:
        self._ask(container_id)
        return self._info(container_id) if container_id in self.environments else None

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.is_away:
            raise EngineUnavailable("cannot reach the engine")

    def _info(self, name: str) -> ContainerInfo:
        environment = self.environments[name]
        is_running = name not in self.exited
        return ContainerInfo(
            name, (name,), "sha256:0", 0.0, False, {}, environment, is_running=is_running
        )


class Scene:
    """Identities and watch of one core, over a fake engine."""

    def __init__(self, paths: Paths) -> None:
        self.tokens = Tokens()
        self.bus = Bus()
        self.clock = Clock()
        self.engine = Containers()
        self.has_engine = True
        folders = SocketFolders(paths)
        self.identities = ComponentIdentities(
            self.tokens, folders, self.bus, lambda name: "1.0.0", lambda: self.has_engine
        )
        self.watch = TokenWatch(self.tokens, lambda: self.engine, self.clock)

    def look(self) -> None:
        asyncio.run(self.watch.look())

    def left(self, component: str = A, generation: int = 1) -> str:
        """A token whose generation has ended by itself."""
        token = self.identities.issue(component, generation)
        self.identities.revoke(component, generation)
        return token

    def enters(self, state: State) -> None:
        change = ComponentStateChanged(A, "1.0.0", State.RUNNING, state, "NONE", "", 0.0)
        self.bus.publish(change)

    def knows(self, token: str) -> bool:
        return self.tokens.authenticate(token) is not None


@pytest.fixture
def scene(tmp_path):
    paths = Paths(tmp_path)
    paths.create()
    paths.ipc_socket.touch()
    return Scene(paths)


@pytest.mark.parametrize("variable", ["SVCUID", "AWS_CONTAINER_AUTHORIZATION_TOKEN"])
def test_a_container_keeps_a_token_valid_by_either_name(scene, variable):
    held, other = scene.left(A), scene.left(B)
    scene.engine.environments["holder"] = {"PATH": "/bin", variable: held}
    scene.look()
    assert scene.knows(held)
    assert not scene.knows(other)
    del scene.engine.environments["holder"]
    scene.look()
    scene.look()
    assert not scene.knows(held)


def test_a_container_that_has_ended_holds_nothing_though_it_is_still_there(scene):
    token = scene.left()
    scene.engine.environments["holder"] = {"SVCUID": token}
    scene.look()
    assert scene.knows(token)
    scene.engine.exited.add("holder")
    scene.look()
    scene.look()
    assert not scene.knows(token)


def test_a_container_that_somebody_restarts_keeps_its_token(scene):
    """`docker restart` ends it and starts it again: a look may fall between."""
    token = scene.left()
    scene.engine.environments["holder"] = {"SVCUID": token}
    for _ in range(3):
        scene.look()
        scene.engine.exited.add("holder")
        scene.look()
        scene.engine.exited.clear()
    scene.look()
    assert scene.knows(token)


def test_a_token_somewhere_else_in_an_environment_is_not_held(scene):
    token = scene.left()
    scene.engine.environments["holder"] = {"COPY": token, "SVCUID": token.lower()}
    scene.look()
    assert not scene.knows(token)


def test_the_second_of_two_holders_is_found_when_the_first_ends(scene):
    token = scene.left()
    for name in ("one", "two"):
        scene.engine.environments[name] = {"SVCUID": token}
    scene.look()
    scene.look()
    # The one that the watch has found is asked for alone.
    del scene.engine.environments[scene.engine.asked[-1]]
    scene.look()
    assert scene.knows(token)


def test_known_holders_are_asked_for_alone(scene):
    token = scene.left()
    scene.engine.environments |= {"holder": {"SVCUID": token}, "other": {}}
    scene.look()
    scene.look()
    scene.look()
    assert scene.engine.asked == ["all", "holder", "holder"]


def test_the_engine_is_left_alone_while_no_token_is_left(scene):
    scene.identities.issue(A, 1)
    scene.look()
    assert scene.engine.asked == []


def test_live_tokens_need_no_container(scene):
    token = scene.identities.issue(A, 1)
    gone = scene.left(B)
    scene.look()
    assert scene.knows(token)
    assert not scene.knows(gone)


def test_an_engine_that_cannot_be_asked_takes_nothing_away_for_an_hour(scene):
    token = scene.left()
    scene.engine.environments["holder"] = {"SVCUID": token}
    scene.look()
    scene.engine.is_away = True
    scene.clock.time_s += UNASKED_LIMIT_S
    scene.look()
    assert scene.knows(token)
    scene.clock.time_s += 1
    scene.look()
    assert not scene.knows(token)


def test_an_answer_begins_the_hour_anew(scene):
    token = scene.left()
    scene.engine.environments["holder"] = {"SVCUID": token}
    for is_away in (True, False, True):
        scene.engine.is_away = is_away
        scene.clock.time_s += UNASKED_LIMIT_S - 1
        scene.look()
    assert scene.knows(token)


def test_no_token_is_left_where_no_engine_can_be(scene):
    scene.has_engine = False
    assert not scene.knows(scene.left())


def test_who_was_asked_to_stop_leaves_nothing(scene):
    before = scene.left(A, 1)
    token = scene.identities.issue(A, 2)
    other = scene.left(B)
    scene.identities.dismiss(A)
    assert not scene.knows(before)
    # Its shutdown script may need the core.
    assert scene.knows(token)
    scene.identities.revoke(A, 2)
    assert not scene.knows(token)
    assert scene.knows(other)


@pytest.mark.parametrize("state", [State.NEW, State.STARTING])
def test_a_new_start_may_leave_its_token_again(scene, state):
    scene.identities.dismiss(A)
    scene.enters(State.STOPPING)
    scene.enters(state)
    assert scene.knows(scene.left())


def test_a_removed_component_leaves_neither_token_nor_folder(scene, tmp_path):
    token = scene.left()
    folder = Paths(tmp_path).component_ipc(A)
    assert folder.is_dir()
    scene.enters(State.UNINSTALLED)
    assert not scene.knows(token)
    assert not folder.exists()


def test_folders_of_a_life_before_are_those_of_deployed_components(scene, tmp_path):
    for name in (A, B):
        scene.identities.issue(name, 1)
    scene.identities.load({A: ComponentSpec(A, "1.0.0")})
    scene.identities.listens()
    assert Paths(tmp_path).component_ipc(A).is_dir()
    assert not Paths(tmp_path).component_ipc(B).exists()
