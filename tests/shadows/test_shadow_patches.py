"""What an update may send, and the refusal of everything else."""

from __future__ import annotations

import json

import pytest

from greendock.shadows.errors import ShadowRefused
from greendock.shadows.names import shadow_name
from greendock.shadows.patch import read_members, read_patch


def nested(levels: int, innermost: object) -> object:
    for _ in range(levels):
        innermost = {"x": innermost}
    return innermost


def patch_of(**members: object):
    return read_patch(read_members(json.dumps(members).encode()))


def test_a_whole_patch() -> None:
    patch = patch_of(state={"desired": {"a": None}, "reported": None}, version=3, clientToken="t")
    assert patch.state == {"desired": {"a": None}, "reported": None}
    assert (patch.version, patch.client_token) == (3, "t")


def test_members_that_are_not_known_are_left_out() -> None:
    patch = patch_of(state={"desired": {}, "delta": {"x": 1}}, metadata={}, timestamp=1)
    assert (patch.state, patch.version, patch.client_token) == ({"desired": {}}, None, None)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "empty"),
        (b"{", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b'{"state":{"desired":{"a":NaN}}}', "not valid JSON"),
        (b'{"state":{"desired":{"a":1e999}}}', "not valid JSON"),
        (b'{"state":{"desired":{"a":"\\ud800"}}}', "not valid JSON"),
        (b'{"state":{"desired":{"a":' + b"9" * 5000 + b"}}}", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
    ],
)
def test_payloads_that_are_no_document(payload: bytes, reason: str) -> None:
    with pytest.raises(ShadowRefused, match=reason):
        read_members(payload)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, "state"),
        ({"state": None}, "state"),
        ({"state": []}, "state"),
        ({"state": {}}, "neither desired nor reported"),
        ({"state": {"delta": {}}}, "neither desired nor reported"),
        ({"state": {"desired": 1}}, "state.desired"),
        ({"state": {"reported": []}}, "state.reported"),
        ({"state": {"desired": {}}, "version": "1"}, "version"),
        ({"state": {"desired": {}}, "version": True}, "version"),
        ({"state": {"desired": {}}, "version": 1.5}, "version"),
        ({"state": {"desired": {}}, "version": -1}, "version"),
        ({"state": {"desired": {}}, "clientToken": 1}, "clientToken"),
        ({"state": {"desired": {}}, "clientToken": "ü" * 33}, "clientToken"),
        ({"state": {"desired": nested(7, 1)}}, "more than 6 levels"),
        ({"state": {"reported": nested(6, [])}}, "more than 6 levels"),
    ],
)
def test_documents_that_are_no_update(members: dict, reason: str) -> None:
    with pytest.raises(ShadowRefused, match=reason):
        patch_of(**members)


@pytest.mark.parametrize("deep", [nested(6, 1), nested(5, [1]), nested(5, {})])
def test_six_levels_are_allowed(deep: object) -> None:
    assert patch_of(state={"desired": deep}).state == {"desired": deep}


def test_64_bytes_of_client_token_are_allowed() -> None:
    assert patch_of(state={"desired": {}}, clientToken="ü" * 32).client_token == "ü" * 32


@pytest.mark.parametrize(
    ("thing", "shadow", "member"),
    [
        ("", None, "thingName"),
        ("a/b", None, "thingName"),
        ("a b", None, "thingName"),
        ("+", None, "thingName"),
        ("ä", None, "thingName"),
        ("t\n", None, "thingName"),
        ("t" * 129, None, "thingName"),
        ("t", "#", "shadowName"),
        ("t", "s" * 65, "shadowName"),
    ],
)
def test_names_that_are_refused(thing: str, shadow: str | None, member: str) -> None:
    with pytest.raises(ShadowRefused, match=member):
        shadow_name(thing, shadow)


def test_names_and_what_policies_call_them() -> None:
    assert shadow_name("t" * 128, None).resource == f"$aws/things/{'t' * 128}/shadow"
    assert shadow_name("a:B_9-", "").resource == "$aws/things/a:B_9-/shadow"
    name = shadow_name("t", "s" * 64)
    assert name.resource == f"$aws/things/t/shadow/name/{'s' * 64}"
