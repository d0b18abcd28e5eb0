"""Which files a script's compose commands read, in the words of the script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.docker.compose.compose_use import compose_uses, provides_images
from greendock.docker.compose.model import ComposeUse


def used(script, **environment):
    return [
        (use.folder, use.files, use.services)
        for use in compose_uses(script, "/device/c", environment)
    ]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("docker-compose up", [("/device/c", (), ())]),
        ("docker compose up -d", [("/device/c", (), ())]),
        ("docker-compose -f /art/x.yaml up", [("/device/c", ("/art/x.yaml",), ())]),
        ("docker-compose --file=x -fy up", [("/device/c", ("/device/c/x", "/device/c/y"), ())]),
        ("cd /art && docker-compose up web db", [("/art", (), ("web", "db"))]),
        ("cd /art\ncd sub; docker compose -f ../x.yaml up", [("/art/sub", ("/art/x.yaml",), ())]),
        ("DIR=/art\ndocker-compose -f $DIR/x.yaml up", [("/device/c", ("/art/x.yaml",), ())]),
        ('export DIR=/art; cd "$DIR"; docker-compose up', [("/art", (), ())]),
        ("docker-compose -f ${DIR:-/other}/x.yaml up", [("/device/c", ("/other/x.yaml",), ())]),
        ("docker-compose -f $GIVEN/x.yaml up", [("/device/c", ("/given/x.yaml",), ())]),
        ("exec docker-compose -f /x up --timeout 5 web", [("/device/c", ("/x",), ("web",))]),
        ("sudo -E docker-compose -f /x up", [("/device/c", ("/x",), ())]),
        ("while true; do docker-compose -f /x up; done", [("/device/c", ("/x",), ())]),
        ("if docker-compose -f /x pull; then :; fi", [("/device/c", ("/x",), ())]),
        ("sh -c 'docker-compose -f /x up'", [("/device/c", ("/x",), ())]),
        ("docker-compose -f /x run --rm web", [("/device/c", ("/x",), ("web",))]),
        ("docker-compose -f /x down", []),
        ("docker-compose -f - up < x", []),
        ("cd $(dirname $0); docker-compose up", []),
        ("docker-compose -f $(ls *.yaml) up", []),
        ("docker-compose --no-such-option -f /x up", []),
        ("docker run x", []),
        ("echo docker-compose up", []),
        ("docker-compose 'up", []),
    ],
)
def test_files_and_services_are_found(script, expected):
    assert used(script, GIVEN="/given") == expected


def test_variables_of_the_script_reach_the_file():
    (use,) = compose_uses("A=1\nexport B=$A2\nB=2 C=3 docker-compose up", "/w", {"D": "4"})
    assert {name: use.environment[name] for name in "ABCD"} == {
        "A": "1",
        "B": "2",
        "C": "3",
        "D": "4",
    }


def test_options_are_told():
    script = "docker compose --profile a --profile b --env-file e --project-directory d up"
    (use,) = compose_uses(script, "/w", {})
    assert use == ComposeUse("/w", (), "/w/d", ("/w/e",), ("a", "b"), (), {})


@pytest.mark.parametrize(
    ("script", "does"),
    [
        ("docker load -i x.tar", True),
        ("docker image load < x.tar", True),
        ("docker build -t x .", True),
        ("docker-compose build && docker-compose up", True),
        ("docker login -u x reg.test", True),
        ("for f in *.tar; do docker load -i $f; done", True),
        ("docker pull x", False),
        ("docker-compose up", False),
        ("echo docker load", False),
    ],
)
def test_scripts_that_see_to_images_themselves_are_known(script, does):
    assert provides_images(script) is does


@given(st.text(alphabet="cd docker-compose up -f/$(){}'\"\n;&|<>=", max_size=60))
def test_no_script_is_too_odd(text):
    assert isinstance(compose_uses(text, "/w", {}), tuple)
