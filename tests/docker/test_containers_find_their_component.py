"""Whose a container is: told by token, Compose project or image; in doubt it is nobody's."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.docker.containers.labels import Owner, labels_of
from greendock.docker.containers.ownership import Footprint, Seeker, find_own
from greendock.docker.engine.container_model import ContainerInfo

OURS, THEIRS = "com.example.Web", "com.example.Db"
TOKEN, OTHER = "A" * 32, "B" * 32
SHARED, OWN_IMAGE, THEIR_IMAGE = "sha256:shared", "sha256:web", "sha256:db"
BEGAN = 1000.0
KNOWN = {
    OURS: Footprint("web-1", frozenset({OWN_IMAGE, SHARED})),
    THEIRS: Footprint("db-1", frozenset({THEIR_IMAGE, SHARED})),
}


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def container(image=THEIR_IMAGE, created=BEGAN + 1, name="happy_one", **more):
    project = more.get("project")
    return ContainerInfo(
        id="c",
        names=(name,),
        image_id=image,
        created_at_s=created,
        is_paused=False,
        labels={} if project is None else {"com.docker.compose.project": project},
        environment=more.get("env", {}),
    )


def judge(found, component=OURS, token=TOKEN):
    """ "own", "no", or the reason for the doubt."""
    result = find_own(Seeker(component, digest(token), BEGAN), KNOWN, [found])
    if result.own:
        assert not result.doubtful
        return "own"
    return result.doubtful[0][1] if result.doubtful else "no"


@pytest.mark.parametrize("name", ["SVCUID", "AWS_CONTAINER_AUTHORIZATION_TOKEN"])
def test_the_present_token_tells(name):
    assert judge(container(env={name: TOKEN})) == "own"
    # Even for an old container of a foreign image.
    assert judge(container(env={name: TOKEN}, created=1.0)) == "own"
    assert judge(container(env={name: OTHER})) == "no"
    assert judge(container(env={"SOMETHING": TOKEN})) == "no"
    assert judge(container(env={name: ""})) == "no"


def test_a_compose_project_tells():
    assert judge(container(project="web-1")) == "own"
    assert judge(container(project="web-1", created=1.0)) == "own"
    assert judge(container(project="db-1")) == "no"
    assert judge(container(project="somebody")) == "no"


def test_an_image_that_only_it_lists_tells_of_what_is_new():
    assert judge(container(OWN_IMAGE)) == "own"
    assert judge(container(OWN_IMAGE, created=BEGAN)) == "own"
    assert judge(container(THEIR_IMAGE)) == "no"
    assert judge(container("sha256:unknown")) == "no"


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (container(OWN_IMAGE, created=BEGAN - 0.1), "older than this life"),
        (container(SHARED), f"{THEIRS} has the same image"),
        (container(OWN_IMAGE, project="db-1"), "Compose project db-1"),
        (container(OWN_IMAGE, project="somebody"), "Compose project somebody"),
        (container(OWN_IMAGE, env={"SVCUID": OTHER}), "not the component's present one"),
        (container(project="web-1", env={"SVCUID": OTHER}), "not the component's present one"),
        (
            container(env={"SVCUID": TOKEN, "AWS_CONTAINER_AUTHORIZATION_TOKEN": OTHER}),
            "no",
        ),
        (container(env={"SVCUID": TOKEN}, project="db-1"), "Compose project db-1"),
        (container(OWN_IMAGE, name="db-1_app_1"), f"called as if it were {THEIRS}'s"),
        (container(OWN_IMAGE, name="com.example.db"), f"called as if it were {THEIRS}'s"),
        (container(OWN_IMAGE, name="com.example.Db-cache"), f"called as if it were {THEIRS}'s"),
    ],
)
def test_in_doubt_it_is_left_out(found, why):
    assert why in judge(found)


def test_a_name_that_only_looks_alike_is_no_doubt():
    assert judge(container(OWN_IMAGE, name="com.example.dbase")) == "own"
    assert judge(container(OWN_IMAGE, name="db-11")) == "own"


_texts = st.sampled_from(["", TOKEN, OTHER, "C" * 32])


@given(
    image=st.sampled_from([SHARED, OWN_IMAGE, THEIR_IMAGE, "sha256:x"]),
    created=st.sampled_from([0.0, BEGAN - 1, BEGAN, BEGAN + 1]),
    name=st.sampled_from(["x", "db-1", "web-1", "com.example.Db", "com.example.web.a"]),
    project=st.sampled_from([None, "", "web-1", "db-1", "other"]),
    first=_texts,
    second=_texts,
)
def test_no_container_has_two_owners(image, created, name, project, first, second):
    env = {"SVCUID": first, "AWS_CONTAINER_AUTHORIZATION_TOKEN": second}
    found = container(image, created, name, project=project, env=env)
    owners = [judge(found, OURS, TOKEN), judge(found, THEIRS, OTHER)]
    assert owners.count("own") <= 1
    if "C" * 32 in (first, second):
        assert "own" not in owners


def test_what_it_is_told_by_does_not_show():
    assert digest(TOKEN).hex() not in repr(Seeker(OURS, digest(TOKEN), 1.0))
    assert repr(digest(TOKEN)) not in repr(Seeker(OURS, digest(TOKEN), 1.0))


CORE, LIFE = "core-1", "a1"


def labelled(component=OURS, core=CORE, generation=LIFE, **more):
    found = container(**more)
    labels = {**labels_of(Owner(core, component, "1.0.0", generation)), **found.labels}
    return replace(found, labels=labels)


def judge_with_labels(found, generation=LIFE, core=CORE):
    seeker = Seeker(OURS, digest(TOKEN), BEGAN, core, generation)
    result = find_own(seeker, KNOWN, [found])
    if result.own:
        return "own"
    return result.doubtful[0][1] if result.doubtful else "no"


def test_labels_alone_tell_of_what_has_them():
    assert judge_with_labels(labelled()) == "own"
    # Nothing else speaks for it or against it.
    assert judge_with_labels(labelled(project="db-1", image=THEIR_IMAGE, created=1.0)) == "own"
    assert judge_with_labels(labelled(env={"SVCUID": OTHER})) == "own"


@pytest.mark.parametrize("whose", [{"component": THEIRS}, {"core": "core-2"}])
def test_what_is_labelled_as_anothers_is_not_ours_whatever_else_says_so(whose):
    found = labelled(**whose, image=OWN_IMAGE, project="web-1", env={"SVCUID": TOKEN})
    assert judge_with_labels(found) == "no"


def test_what_an_earlier_life_left_is_told():
    assert judge_with_labels(labelled(generation="a0")) == (
        "it is of an earlier life of the component"
    )


def test_without_labels_the_old_signs_still_tell():
    assert judge_with_labels(container(env={"SVCUID": TOKEN})) == "own"
    assert judge_with_labels(container(project="web-1")) == "own"
    half = replace(container(env={"SVCUID": TOKEN}), labels={"greendock.core": CORE})
    assert judge_with_labels(half) == "own"


def test_a_component_without_a_socket_owns_nothing_that_has_labels():
    assert judge_with_labels(labelled(), generation="", core="") == "no"
    assert judge_with_labels(labelled(), generation="") != "own"
