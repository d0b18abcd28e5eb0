"""What a component sets for itself under `greendock:` is read, or its deployment says it isn't."""

from __future__ import annotations

import pytest

from greendock.config.own_settings import unread_settings


@pytest.mark.parametrize(
    "configuration",
    [
        {},
        {"other": {"docker": {"policie": 1}}},
        {"greendock": None},
        {"greendock": "text"},
        {"greendock": {"docker": "text", "health": {"soakSeconds": 3}}},
        {"greendock": {"Docker": {"Access": "none", "policy": {"preset": "strict"}}}},
        {"greendock": {"docker": {"pullPolicy": "Never", "loadArchives": [], "inject": []}}},
    ],
)
def test_nothing_is_told_of_what_is_read(configuration):
    assert unread_settings(configuration) == []


@pytest.mark.parametrize(
    ("own", "places"),
    [
        ({"dokcer": {"policy": "strict"}}, ["greendock.dokcer"]),
        ({"docker": {"policie": "strict"}}, ["greendock.docker.policie"]),
        ({"HEALTH": {"soak": 1, "soakSeconds": 2}}, ["greendock.health.soak"]),
        ({"x": 1, "docker": {"y": 2}}, ["greendock.x", "greendock.docker.y"]),
        ({1: 2}, ["greendock.1"]),
    ],
)
def test_each_key_that_nothing_reads_is_told(own, places):
    texts = unread_settings({"greendock": own})
    assert [text.split(" ")[2] for text in texts] == places
