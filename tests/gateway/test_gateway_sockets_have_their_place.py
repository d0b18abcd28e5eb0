"""The socket file: for one user, never behind somebody's link, and gone afterwards."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from pathlib import Path

import pytest
from gateway_scene import GET, answers_each, message_of, scene, status_of

from greendock.base.errors import DeviceError
from greendock.base.paths import Paths
from greendock.docker.gateway.gateway import RefusingRules
from greendock.docker.gateway.socket_place import SocketPlace, remove_stale

ME = os.geteuid()


def opened(path: Path, uid: int = ME) -> SocketPlace:
    place = SocketPlace(path, uid, os.getegid())
    place.open().close()
    return place


def place_in(folder: Path, generation: str = "g1") -> Path:
    paths = Paths(folder)
    paths.run.mkdir(exist_ok=True, parents=True)
    return paths.component_docker("com.example.A", generation)


def test_each_generation_has_its_own(folder: Path):
    one, other = place_in(folder, "0001"), place_in(folder, "0002")
    assert one != other
    assert one.parent.parent == other.parent.parent == Paths(folder).component_run("com.example.A")
    assert len(str(one)) - len(str(folder)) < 50


def test_only_its_user_may_connect(folder: Path):
    path = place_in(folder)
    opened(path)
    found = path.lstat()
    assert stat.S_ISSOCK(found.st_mode)
    assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o600, ME)
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o066 == 0


@pytest.mark.root
def test_the_components_user_owns_it(folder: Path):
    path = place_in(folder)
    opened(path, uid=12345)
    assert path.lstat().st_uid == 12345
    assert (path.parent.stat().st_uid, stat.S_IMODE(path.parent.stat().st_mode)) == (0, 0o711)


def test_a_socket_of_an_earlier_life_is_replaced(folder: Path):
    path = place_in(folder)
    opened(path)
    place = SocketPlace(path, ME, os.getegid())
    with place.open(), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    place.close()
    assert not path.parent.exists()


def test_what_is_no_socket_stays(folder: Path):
    path = place_in(folder)
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(DeviceError, match="no socket"):
        opened(path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("level", [1, 2])
def test_links_in_its_place_are_not_followed(folder: Path, level: int):
    path = place_in(folder)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    link = path.parents[level - 1]
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(DeviceError):
        opened(path)
    assert list(elsewhere.iterdir()) == []


def test_a_long_path_gets_a_short_one(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    path = place_in(folder / ("long" * 20))
    place = SocketPlace(path, ME, os.getegid())
    with place.open(), socket.socket(socket.AF_UNIX) as client:
        assert len(str(place.address)) < 108
        client.connect(str(place.address))
        link = place.address.parent
    place.close()
    assert not link.is_symlink()
    assert not path.exists()
    assert not link.parent.exists()


def test_sockets_of_earlier_lives_go_and_others_stay(folder: Path):
    old, kept = place_in(folder, "0001"), place_in(folder, "0002")
    for path in (old, kept):
        opened(path)
    (kept.parent.parent / "ipc").mkdir()
    remove_stale(Paths(folder).run, [kept])
    assert sorted(x.name for x in kept.parent.parent.iterdir()) == [kept.parent.name, "ipc"]


def test_without_a_claim_everything_is_refused(folder: Path):
    async def run() -> None:
        async with scene(folder, answers_each, RefusingRules(403, "no claim")) as s:
            answer = await s.ask(GET, half_close=True)
            assert status_of(answer) == 403
            assert message_of(answer) == "no claim"
            assert s.received == []

    asyncio.run(run())
