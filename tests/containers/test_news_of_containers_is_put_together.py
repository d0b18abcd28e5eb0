"""Looks and events in any order come to what is true; the engine's words are read as they are."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from greendock.docker.containers.book import Book
from greendock.docker.containers.found import grace_s, owned
from greendock.docker.containers.labels import Owner, labels_of
from greendock.docker.containers.model import Health, OwnedContainer, Phase
from greendock.docker.engine.container_detail import read_detail, read_listed
from greendock.docker.engine.events import ContainerEvent, read_event
from greendock.docker.errors import ContainerFailed

OWNER = Owner("core", "com.example.App", "1.0.0", "g1")
RUNS = OwnedContainer("one", "web", OWNER, Phase.RUNNING)


def event(action: str, **attributes: str) -> ContainerEvent:
    return ContainerEvent("one", action, {**labels_of(OWNER), "name": "web", **attributes}, 1)


def book(*, is_alone: bool = False) -> Book:
    found = Book("core")
    found.keep("g1", is_alone=is_alone)
    return found


def test_a_look_that_was_overtaken_does_not_count():
    known = book()
    known.saw(2, RUNS, is_removed_at_end=False)
    known.saw(1, replace(RUNS, phase=Phase.CREATED), is_removed_at_end=False)
    assert known.state("g1", is_known=True).containers == (RUNS,)
    known.saw(3, replace(RUNS, phase=Phase.EXITED), is_removed_at_end=False)
    assert known.state("g1", is_known=True).alive == ()


def test_what_is_gone_does_not_come_back():
    known = book()
    known.saw(2, RUNS, is_removed_at_end=False)
    assert known.is_gone("one") == "g1"
    assert known.is_gone("one") is None
    known.saw(9, RUNS, is_removed_at_end=False)
    assert known.state("g1", is_known=True).containers == ()
    assert not known.heard(event("start"))


RUN = (event("create"), event("start"))
FAILED = event("die", exitCode="3")
STOPPED = event("kill", signal="15")


@pytest.mark.parametrize(
    ("events", "failures"),
    [
        ((*RUN, FAILED), {"web": 3}),
        ((*RUN, event("die", exitCode="0")), {}),
        ((*RUN, STOPPED, FAILED), {}),
        ((*RUN, event("kill", signal="1"), FAILED), {"web": 3}),
        ((*RUN, STOPPED, FAILED, event("start"), FAILED), {"web": 3}),
        ((*RUN, FAILED, event("start"), event("die", exitCode="0")), {}),
        ((*RUN, FAILED, event("start")), {}),
        ((event("create"), event("attach"), event("start"), FAILED), {}),
        ((*RUN, event("rename", name="new"), FAILED), {"new": 3}),
        ((*RUN, event("died", containerExitCode="4")), {"web": 4}),
        ((*RUN, event("die", exitCode="x")), {}),
        ((*RUN,), {}),
    ],
)
def test_a_failure_is_what_ended_badly_and_by_itself(events, failures):
    known = book()
    for one in events:
        known.heard(one)
    known.is_gone("one")
    assert known.state("g1", is_known=True).failures == failures


def test_nobody_waits_for_the_containers_that_were_taken_over():
    known = book(is_alone=True)
    known.saw(1, replace(RUNS, is_attached=True), is_removed_at_end=True)
    known.heard(FAILED)
    known.is_gone("one")
    assert known.state("g1", is_known=True).failures == {"web": 3}


def test_nor_for_those_whose_script_has_ended():
    known = book()
    known.saw(1, replace(RUNS, is_attached=True), is_removed_at_end=True)
    known.leave_alone("g1")
    known.heard(FAILED)
    known.is_gone("one")
    assert known.state("g1", is_known=True).failures == {"web": 3}


def test_one_that_somebody_removed_was_looked_at_before():
    known = book()
    known.saw(1, RUNS, is_removed_at_end=False)
    known.heard(FAILED)
    known.is_gone("one")
    assert known.state("g1", is_known=True).failures == {}


def test_events_of_others_and_of_no_consequence_are_passed_over():
    known = book()
    foreign = labels_of(replace(OWNER, core="other"))
    assert not known.heard(ContainerEvent("two", "start", foreign, 1))
    for action in ("exec_start", "exec_die", "top", "attach", "kill"):
        assert not known.heard(event(action))
    for action in ("create", "start", "die", "oom", "pause", "health_status", "destroy"):
        assert known.heard(event(action))
    assert known.ids == {"one"}


def test_events_are_read():
    line = {
        "Type": "container",
        "Action": "health_status: unhealthy",
        "Actor": {"ID": "one", "Attributes": {"name": "web"}},
        "timeNano": 7,
    }
    read = read_event(json.dumps(line).encode())
    assert read == ContainerEvent("one", "health_status", {"name": "web"}, 7)
    for bad in (b"", b"{", b"[]", b"{}", b'{"Type":"network","Actor":{"ID":"x"}}', b"\xff"):
        assert read_event(bad) is None


FULL = {
    "Id": "one",
    "Name": "/web",
    "Created": "2024-01-01T00:00:00.123456789Z",
    "Image": "sha256:abc",
    "RestartCount": 2,
    "State": {
        "Status": "running",
        "ExitCode": 0,
        "StartedAt": "2024-01-01T00:00:01Z",
        "Health": {"Status": "starting", "Log": [{"Output": "old"}, {"Output": "x" * 2000}]},
    },
    "Config": {
        "Image": "mysql:8.0",
        "Labels": {
            **labels_of(OWNER),
            "com.docker.compose.project": "p",
            "com.docker.compose.service": "s",
        },
        "Tty": True,
        "AttachStdout": True,
        "StopTimeout": 3,
    },
    "HostConfig": {
        "RestartPolicy": {"Name": "always"},
        "AutoRemove": False,
        "Memory": 5,
        "NanoCpus": 6,
        "CgroupParent": "/x",
    },
}


def test_all_that_is_told_of_a_container_is_read():
    detail = read_detail(json.dumps(FULL).encode())
    assert owned(detail, "core", "sha256:d") == OwnedContainer(
        id="one",
        name="web",
        owner=OWNER,
        phase=Phase.RUNNING,
        health=Health.STARTING,
        health_output="x" * 1000,
        restarts=2,
        started_at_s=1704067201,
        created_at_s=1704067200.123456,
        image_name="mysql:8.0",
        image_id="sha256:abc",
        image_digest="sha256:d",
        stop_timeout_s=3,
        has_restart_policy=True,
        has_terminal=True,
        is_attached=True,
        memory_bytes=5,
        nano_cpus=6,
        cgroup_parent="/x",
        compose_project="p",
        compose_service="s",
    )
    assert owned(detail, "another") is None


def test_what_is_missing_or_null_is_normal():
    told = {
        "Id": "one",
        "Config": {"Labels": None},
        "State": {"StartedAt": "0001-01-01T00:00:00Z"},
    }
    detail = read_detail(json.dumps(told).encode())
    assert (detail.state, detail.health, detail.started_at_s) == ("exited", "none", 0)
    assert (detail.restart_policy, detail.stop_timeout_s, grace_s(detail)) == ("", None, 10)
    assert owned(detail, "core") is None
    no = {"Id": "one", "HostConfig": {"RestartPolicy": {"Name": "no"}}}
    assert read_detail(json.dumps(no).encode()).restart_policy == ""
    with pytest.raises(ContainerFailed):
        read_detail(b"no")


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"Status": "configured"}, "created"),
        ({"Status": "stopping"}, "running"),
        ({"Status": "stopped"}, "exited"),
        ({"Status": "something new", "Running": True}, "running"),
        ({"Status": "dead"}, "dead"),
        ({}, "exited"),
    ],
)
def test_states_in_other_words(told, state):
    assert read_detail(json.dumps({"Id": "one", "State": told}).encode()).state == state


def test_one_that_can_only_be_listed_is_known_by_its_labels():
    listed = [{"Id": "one", "Names": ["/web"], "Labels": labels_of(OWNER), "State": "dead"}, {}]
    (detail,) = read_listed(json.dumps(listed).encode())
    found = owned(detail, "core")
    assert found is not None
    assert (found.phase, found.owner, found.name) == (Phase.DEAD, OWNER, "web")


@pytest.mark.parametrize(("told", "grace"), [(None, 10), (0, 0), (40, 40), (-1, 600), (9999, 600)])
def test_a_grace_without_end_has_one(told, grace):
    detail = read_detail(json.dumps({**FULL, "Config": {"StopTimeout": told}}).encode())
    assert grace_s(detail) == grace
