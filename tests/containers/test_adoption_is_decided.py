"""Which generations a later core takes over: a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from greendock.docker.containers.adoption import Deployed, decide
from greendock.docker.containers.generation import Generation, Kind
from greendock.docker.containers.labels import Owner
from greendock.docker.containers.model import Health, OwnedContainer, Phase

APP = "com.example.App"
DEPLOYED = {APP: Deployed("1.0.0", "print")}
DETACHED = Generation(1, "g1", APP, "1.0.0", "print", 5.0, Kind.DETACHED, is_used=True)
FOREGROUND = replace(DETACHED, kind=Kind.FOREGROUND)


def container(name: str, phase: Phase = Phase.RUNNING, **changes) -> OwnedContainer:
    own = Owner("core", APP, "1.0.0", changes.pop("generation", "g1"))
    return OwnedContainer(
        id=name, name=name, owner=changes.pop("owner", own), phase=phase, **changes
    )


RUNS = container("web")
DONE = container("job", Phase.EXITED)
PART = container("db", compose_project="p")


@pytest.mark.parametrize(
    "found",
    [
        [RUNS],
        [RUNS, DONE],
        [RUNS, container("db")],
        [container("web", Phase.PAUSED)],
        [container("web", Phase.RESTARTING, exit_code=1)],
        [container("web", health=Health.HEALTHY)],
        [container("web", health=Health.STARTING)],
        [RUNS, container("x", Phase.DEAD, generation="g0")],
    ],
)
def test_a_detached_generation_goes_on_as_long_as_nothing_failed(found):
    assert decide([DETACHED], found, DEPLOYED).adopted == {APP: "g1"}


@pytest.mark.parametrize(
    ("record", "found", "why"),
    [
        (DETACHED, [DONE], "none of its containers runs"),
        (DETACHED, [RUNS, container("job", Phase.EXITED, exit_code=1)], "job is exited"),
        (DETACHED, [RUNS, container("job", Phase.CREATED)], "job is created"),
        (DETACHED, [RUNS, container("job", Phase.REMOVING)], "job is removing"),
        (DETACHED, [RUNS, container("job", Phase.DEAD)], "job is dead"),
        (DETACHED, [container("web", health=Health.UNHEALTHY)], "web is unhealthy"),
        (replace(DETACHED, members=frozenset({"web", "db"})), [RUNS], "some of its containers"),
        (replace(DETACHED, kind=Kind.OTHER), [RUNS], "its scripts have to go on"),
        (replace(DETACHED, is_ending=True), [RUNS], "was being stopped"),
        (replace(DETACHED, version="0.9.0"), [RUNS], "version 1.0.0 is deployed"),
        (replace(DETACHED, fingerprint="old"), [RUNS], "recipe or configuration"),
        (replace(DETACHED, component="gone"), [RUNS], "not deployed any more"),
        (FOREGROUND, [RUNS, container("db")], "one was expected"),
        (FOREGROUND, [PART], "was not up as a whole"),
        (
            DETACHED,
            [RUNS, container("x", owner=Owner("core", "other", "1.0.0", "g1"))],
            "contradict each other",
        ),
        (
            DETACHED,
            [RUNS, container("x", owner=Owner("core", APP, "2.0.0", "g1"))],
            "contradict each other",
        ),
    ],
)
def test_what_speaks_against_it_is_said(record, found, why):
    decision = decide([record], found, DEPLOYED)
    assert decision.adopted == {}
    assert why in decision.reasons[record.component]


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (FOREGROUND, [RUNS]),
        (FOREGROUND, [RUNS, DONE]),
        (replace(FOREGROUND, members=frozenset({"db"})), [PART]),
        (
            replace(FOREGROUND, members=frozenset({"db", "two"})),
            [PART, container("two", compose_project="p")],
        ),
        (
            replace(FOREGROUND, members=frozenset({"db", "two"})),
            [PART, container("two", Phase.EXITED, compose_project="p")],
        ),
        (replace(FOREGROUND, members=frozenset({"web"})), [RUNS, container("later")]),
    ],
)
def test_a_foreground_generation_was_complete(record, found):
    assert decide([record], found, DEPLOYED).adopted == {APP: "g1"}


def test_only_the_newest_counts_whatever_the_clock_says():
    newer = replace(DETACHED, number=2, id="g2", began_at_s=1.0)
    both = [RUNS, container("new", generation="g2")]
    for records in ([DETACHED, newer], [newer, DETACHED]):
        assert decide(records, both, DEPLOYED).adopted == {APP: "g2"}
        # An older one doesn't stand in for it.
        assert decide(records, [RUNS], DEPLOYED).adopted == {}


def test_a_failure_counts_after_its_container_is_gone():
    decision = decide([DETACHED], [RUNS], DEPLOYED, {"g1": {"job": 4}})
    assert decision.adopted == {}
    assert "job has ended with exit code 4" in decision.reasons[APP]
    assert decide([DETACHED], [RUNS], DEPLOYED, {"g1": {}, "g0": {"x": 1}}).adopted == {APP: "g1"}


def test_one_without_containers_needs_no_words():
    decision = decide([DETACHED], [], DEPLOYED)
    assert (decision.adopted, decision.reasons) == ({}, {})


def test_components_are_judged_one_by_one():
    other = replace(DETACHED, id="h1", component="other", number=7)
    theirs = container("x", owner=Owner("core", "other", "1.0.0", "h1"))
    deployed = {**DEPLOYED, "other": Deployed("1.0.0", "another")}
    decision = decide([DETACHED, other], [RUNS, theirs], deployed)
    assert decision.adopted == {APP: "g1"}
    assert set(decision.reasons) == {"other"}
