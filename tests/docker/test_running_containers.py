"""Running containers are listed with what tells whose they are, and paused as a whole."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from greendock.docker.engine.container_model import read_container, read_container_ids
from greendock.docker.engine.containers import ContainerStore
from greendock.docker.errors import ContainerFailed, EngineUnavailable
from lab.waiting import wait_until

IMAGE = "mysql:8.0"


@pytest.fixture
def run(lab, scene):
    """Starts a container from an image that runs until it is told to end; gives its id."""

    def start(*options: str) -> str:
        result = lab.docker("run", "--detach", *options, IMAGE)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    return start


def in_store(scene, action):
    return scene.run(lambda engine, _: action(ContainerStore(engine)))


def test_running_and_paused_ones_are_listed_with_what_they_have(lab, scene, run):
    before = time.time()
    one = run("--name=one", "--label=a.b=c", "--env=SVCUID=very-secret", "--env=E=x=y")
    two = run("--name=two")
    ended = run("--name=three")
    lab.docker("stop", "--time=0", ended)
    lab.docker("pause", two)
    found = {info.id: info for info in in_store(scene, lambda store: store.running())}
    assert set(found) == {one, two}
    first, second = found[one], found[two]
    assert (first.names, second.names) == (("one",), ("two",))
    assert (first.is_paused, second.is_paused) == (False, True)
    assert first.is_running
    assert second.is_running
    assert first.labels == {"a.b": "c"}
    assert first.environment["SVCUID"] == "very-secret"
    assert first.environment["E"] == "x=y"
    assert first.image_id == lab.seeded["library/mysql:8.0"].id
    assert first.image_name == IMAGE
    assert before - 5 <= first.created_at_s <= time.time() + 5
    assert "very-secret" not in repr(first)


def test_one_that_is_going_to_start_again_is_listed_on_request(lab, scene):
    options = ("--detach", "--restart=always", "--env=SVCUID=secret")
    container = lab.docker("run", *options, IMAGE, "/bin/false").stdout.strip()
    shown = "{{.State.Status}} {{.RestartCount}}"

    def waits_long() -> bool:
        status, count = lab.docker("inspect", "--format", shown, container).stdout.split()
        return status == "restarting" and int(count) >= 4  # 1.6 s and more

    wait_until(waits_long, "the container waits for its next start")
    found = in_store(scene, lambda store: store.running(also_restarting=True))
    assert [(info.id, info.is_running) for info in found] == [(container, True)]
    assert found[0].environment["SVCUID"] == "secret"
    lab.docker("rm", "--force", container)


def test_a_container_stands_still_and_goes_on(lab, scene, run):
    container = run()

    def is_paused() -> bool:
        shown = lab.docker("inspect", "--format={{.State.Paused}}", container).stdout.strip()
        return json.loads(shown) is True

    # Each twice: what is so already is no error.
    for _ in range(2):
        assert in_store(scene, lambda store: store.pause(container))
        assert is_paused()
    for _ in range(2):
        assert in_store(scene, lambda store: store.unpause(container))
        assert not is_paused()


def test_what_has_ended_or_is_gone_is_no_error(lab, scene, run):
    container = run()
    lab.docker("stop", "--time=0", container)
    for name in (container, "0" * 64):
        assert not in_store(scene, lambda store, name=name: store.pause(name))
        assert not in_store(scene, lambda store, name=name: store.unpause(name))
    assert in_store(scene, lambda store: store.find("0" * 64)) is None
    ended = in_store(scene, lambda store: store.find(container))
    assert ended.id == container
    assert not ended.is_running
    assert in_store(scene, lambda store: store.running()) == []


def test_many_containers_that_come_and_go_are_listed(lab, scene, run):
    kept = [run() for _ in range(3)]
    going = [run("--rm") for _ in range(3)]

    async def action(engine, _):
        # Between the list and the looks at each they may be gone.
        killing = [engine.ask("POST", f"/containers/{i}/kill") for i in going]
        found, *_ = await asyncio.gather(ContainerStore(engine).running(), *killing)
        return {info.id for info in found}

    found = scene.run(action)
    assert set(kept) <= found <= {*kept, *going}


def test_an_engine_that_is_away_is_told_as_such(lab, scene):
    lab.stop_engine()
    with pytest.raises(EngineUnavailable):
        in_store(scene, lambda store: store.running())


def test_old_and_other_engines_leave_things_out():
    info = read_container(b'{"Id": "a", "Name": "/n", "Created": "x", "Config": {"Env": null}}')
    assert (info.names, info.created_at_s, info.environment) == (("n",), 0.0, {})
    assert not info.is_running
    podman = {
        "Id": "a",
        "Image": "sha256:b",
        "Created": "2026-01-01T02:00:00.123456789+02:00",
        "State": {"Running": False, "Paused": True},
        "Config": {"Env": ["A=1", "GONE"], "Labels": None},
    }
    info = read_container(json.dumps(podman).encode())
    assert info.created_at_s == pytest.approx(1767225600.123456)
    assert info.is_running
    assert info.environment == {"A": "1"}
    assert read_container_ids(b'[{"Id": "a"}, {}]') == ("a",)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"Id": "a", "Config": {"Env": ["S=s3cret", 7]}}'])
def test_what_cannot_be_read_is_an_error_without_its_content(body):
    with pytest.raises(ContainerFailed) as failed:
        read_container(body)
    assert "s3cret" not in failed.value.explain()
    assert failed.value.__cause__ is None
