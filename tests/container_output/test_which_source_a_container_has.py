"""Each container's lines have one source: its script while that brings them, else the engine."""

from __future__ import annotations

import pytest
from reading_core import container

from greendock.docker.containers.log_choice import ScriptOutput, is_followed, output_of

NONE, ATTACHED, COMPOSE, ALL = ScriptOutput


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (None, NONE),
        ("docker run --rm app", ATTACHED),
        ("python3 app.py", ATTACHED),
        ("docker run -d --name web app && docker wait web", ATTACHED),
        ("docker compose -f a.yml up", COMPOSE),
        ("docker-compose up --build", COMPOSE),
        ("docker compose pull; docker compose up", COMPOSE),
        ("docker compose up -d", ATTACHED),
        ("docker-compose -f x.yml up --detach && sleep 1000", ATTACHED),
        ("docker compose \\\n  -f x.yml \\\n  up \\\n  -d", ATTACHED),
        ("docker compose up --wait", ATTACHED),
        ("docker run -d --name web app\ndocker logs -f web", ALL),
        ("docker run -d --name web app; docker container logs --follow web", ALL),
        ("docker compose up -d && docker compose logs -f", ALL),
        ("docker-compose logs -tf", ALL),
        ("docker run -d app; docker logs web > file", ATTACHED),
        ("docker run -d app --format x logs", ATTACHED),
    ],
)
def test_what_a_script_brings(script, expected):
    assert output_of(script) is expected


PLAIN = container(id="1")
OWN = container(id="2", is_attached=True)
SERVICE = container(id="3", compose_project="shop", compose_service="web")
NEW = container(id="4", phase="created")
ENDED = container(id="5", phase="exited")


@pytest.mark.parametrize(
    ("script", "followed"),
    [
        (NONE, {PLAIN, OWN, SERVICE, ENDED}),
        (ATTACHED, {PLAIN, SERVICE, ENDED}),
        (COMPOSE, {PLAIN, ENDED}),
        (ALL, set()),
    ],
)
def test_who_is_followed(script, followed):
    every = (PLAIN, OWN, SERVICE, NEW, ENDED)
    assert {one for one in every if is_followed(one, script)} == followed
