"""Labels, limits, injected values and credentials: what the engine gets beside what was sent."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from gateway.rule_ports import MINE, Additions, Bounds, Desk
from greendock.docker.containers.claims import Claims, PortClaim
from greendock.docker.containers.labels import labels_of
from greendock.docker.containers.limits import Enforcement, LimitRule
from greendock.docker.gateway.creation import Injected, MountedFolder

OURS = labels_of(MINE)
EACH = LimitRule(memory_bytes=64_000_000, nano_cpus=500_000_000, enforcement=Enforcement.EACH)


@pytest.mark.parametrize(
    ("labels", "kept"),
    [
        ({}, {}),
        ({"Labels": None}, {}),
        ({"Labels": {"a": "1"}}, {"a": "1"}),
        ({"labels": {"a": "1", "greendock.core": "x"}}, {"a": "1"}),
        (
            {"Labels": {"Greendock.Owner": "x", "greendock.new": "y", "greendocks": "z"}},
            {"greendocks": "z"},
        ),
        ({"Labels": {"a": "1"}, "LABELS": {"greendock.component": "other"}}, {"a": "1"}),
    ],
)
@pytest.mark.parametrize(
    "target", ["/containers/create", "/v1.30/networks/create", "/volumes/create"]
)
def test_the_owners_labels_are_on_everything_that_is_made(
    labels: dict[str, Any], kept: dict[str, str], target: str
):
    assert Desk().body("POST", target, labels)["Labels"] == {**kept, **OURS}


def test_podmans_own_create_is_labelled_too():
    body = Desk().body("POST", "/libpod/containers/create", {"image": "a", "labels": {"b": "c"}})
    assert body == {"image": "a", "labels": {"b": "c", **OURS}}


def test_members_that_nobody_knows_are_passed_on():
    sent = {"Image": "a", "New": {"x": [1]}, "HostConfig": {"Newer": 1.5, "Binds": ["/:/x"]}}
    body = Desk().body("POST", "/containers/create", sent)
    assert body.pop("Labels") == OURS
    assert body == sent


def test_without_a_body_the_engine_has_the_word():
    assert Desk().sent("POST", "/containers/create").body == b""


@pytest.mark.parametrize(
    ("host", "memory", "cpus"),
    [
        (None, 64_000_000, 500_000_000),
        ({}, 64_000_000, 500_000_000),
        ({"Memory": 8_000_000}, 8_000_000, 500_000_000),
        ({"memory": 900_000_000, "NANOCPUS": 4_000_000_000}, 64_000_000, 500_000_000),
        ({"NanoCpus": 1}, 64_000_000, 1),
    ],
)
def test_limits_cap_what_is_larger_and_leave_what_is_smaller(
    host: dict[str, Any] | None, memory: int, cpus: int
):
    desk = Desk(limits=Bounds(EACH))
    body = desk.body("POST", "/containers/create", {"Image": "a", "HostConfig": host})
    assert (body["HostConfig"]["Memory"], body["HostConfig"]["NanoCpus"]) == (memory, cpus)


def test_containers_get_the_components_control_group():
    rule = LimitRule(cgroup_parent="/greendock/x", enforcement=Enforcement.GROUP)
    body = Desk(limits=Bounds(rule)).body("POST", "/containers/create", {"Image": "a"})
    assert body["HostConfig"] == {"CgroupParent": "/greendock/x"}


def test_a_host_config_at_the_top_is_the_host_config():
    desk = Desk(limits=Bounds(EACH))
    sent = {"Image": "a", "Cmd": ["x"], "privileged": True, "ExtraHosts": ["a:1.2.3.4"]}
    body = desk.body("POST", "/containers/create", sent)
    assert body["HostConfig"]["Privileged"] is True
    assert body["HostConfig"]["ExtraHosts"] == ["a:1.2.3.4"]
    assert body["HostConfig"]["Memory"] == 64_000_000
    assert "privileged" not in body
    assert "Privileged" not in body
    assert body["Cmd"] == ["x"]


def test_limits_hold_when_an_old_client_gives_a_host_config_at_start():
    desk = Desk(limits=Bounds(EACH))
    body = desk.body("POST", "/v1.21/containers/x/start", {"memory": 10**9})
    assert body["HostConfig"]["Memory"] == 64_000_000


def test_an_update_gets_no_more_than_the_rule_gives():
    desk = Desk(limits=Bounds(EACH))
    body = desk.body("POST", "/containers/x/update", {"MEMORY": 10**9})
    assert body == {"Memory": 64_000_000}
    assert desk.body("POST", "/containers/x/update", {"CpuShares": 5}) == {"CpuShares": 5}


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_start_without_a_host_config_stays_one(body: bytes):
    desk = Desk(limits=Bounds(EACH))
    assert desk.sent("POST", "/containers/x/start", body).body == body


INJECTED = Injected({"SVCUID": "secret-1", "REGION": "eu"}, (MountedFolder("/run/1", "/gg/ipc"),))


def test_injected_values_are_added():
    desk = Desk(injection=Additions(INJECTED))
    body = desk.body("POST", "/containers/create", {"Image": "a", "Env": ["X=1"]})
    assert body["Env"] == ["X=1", "SVCUID=secret-1", "REGION=eu"]
    assert body["HostConfig"]["Mounts"] == [
        {"Type": "bind", "Source": "/run/1", "Target": "/gg/ipc", "ReadOnly": False}
    ]


@pytest.mark.parametrize("own", ["SVCUID=mine", "SVCUID=", "SVCUID"])
def test_variables_that_the_client_sets_stay(own: str):
    desk = Desk(injection=Additions(INJECTED))
    body = desk.body("POST", "/containers/create", {"Image": "a", "env": [own]})
    assert body["Env"] == [own, "REGION=eu"]


@pytest.mark.parametrize(
    "host",
    [
        {"Binds": ["/x:/gg/ipc:ro"]},
        {"Binds": ["/x:/gg/ipc/"]},
        {"Mounts": [{"Type": "tmpfs", "target": "/gg/ipc"}]},
        {"Tmpfs": {"/gg/ipc": ""}},
    ],
)
def test_a_place_that_the_client_fills_stays_its_own(host: dict[str, Any]):
    desk = Desk(injection=Additions(INJECTED))
    body = desk.body("POST", "/containers/create", {"Image": "a", "HostConfig": host})
    assert all(mount.get("Source") != "/run/1" for mount in body["HostConfig"].get("Mounts", []))


def test_secrets_are_in_no_repr():
    desk = Desk(injection=Additions(INJECTED))
    desk.images.logins["a:1"] = "hidden"
    forwards = [
        desk.sent("POST", "/containers/create", {"Image": "a"}),
        desk.sent("POST", "/images/create?fromImage=a&tag=1"),
    ]
    assert "secret-1" not in repr(INJECTED)
    assert "hidden" not in repr(forwards[1])
    assert "secret-1" not in repr(forwards[0])


def test_room_is_made_before_a_container_is_created():
    desk = Desk()
    host = {
        "portbindings": {
            "80/tcp": [{"HostPort": "8080"}, {"hostip": "127.0.0.1", "HostPort": "81-82"}],
            "53/udp": [{"HostPort": ""}],
            "9/tcp": None,
        },
        "Devices": [{"PathOnHost": "/dev/ttyS0"}],
        "Binds": ["data:/x", "/host:/y"],
        "Mounts": [{"Type": "volume", "Source": "more"}, {"Type": "volume"}],
    }
    desk.sent("POST", "/containers/create?name=web", {"Image": "a", "HostConfig": host})
    assert desk.room.claims == [
        Claims(
            "web",
            frozenset({PortClaim("tcp", 8080, 8080), PortClaim("tcp", 81, 82, "127.0.0.1")}),
            frozenset({"/dev/ttyS0"}),
            frozenset({"data", "more"}),
        )
    ]


def test_a_container_that_claims_nothing_makes_nobody_step_aside():
    desk = Desk()
    desk.sent("POST", "/containers/create", {"Image": "a"})
    assert desk.room.claims == []


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (PortClaim("tcp", 80, 80), PortClaim("tcp", 80, 80), True),
        (PortClaim("tcp", 80, 80), PortClaim("udp", 80, 80), False),
        (PortClaim("tcp", 80, 85), PortClaim("tcp", 85, 90), True),
        (PortClaim("tcp", 80, 84), PortClaim("tcp", 85, 90), False),
        (PortClaim("tcp", 80, 80, "127.0.0.1"), PortClaim("tcp", 80, 80, "127.0.0.2"), False),
        (PortClaim("tcp", 80, 80, "127.0.0.1"), PortClaim("tcp", 80, 80), True),
        (PortClaim("tcp", 80, 80, "127.0.0.1"), PortClaim("tcp", 80, 80, "0.0.0.0"), True),
    ],
)
def test_ports_meet_where_the_engine_could_not_bind_both(
    one: PortClaim, other: PortClaim, meet: bool
):
    assert one.meets(other) is meet
    assert other.meets(one) is meet


def login(members: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(members).encode()).decode()


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "e30=",
        login({}),
        login(None),
        login({"serveraddress": "quay.io"}),
        login({"username": "", "password": "", "auth": ""}),
        "not base64!",
    ],
)
def test_a_pull_without_credentials_gets_the_components_own(header: str | None):
    desk = Desk()
    desk.images.logins["quay.io/a/b:1"] = "ours"
    sent = [("X-Registry-Auth", header)] if header is not None else []
    forward = desk.sent("POST", "/images/create?fromImage=quay.io/a/b&tag=1", None, *sent)
    assert [v for n, v in forward.head.headers if n.lower() == "x-registry-auth"] == ["ours"]


@pytest.mark.parametrize(
    "members", [{"username": "a", "password": "b"}, {"IDENTITYTOKEN": "t"}, {"auth": "x"}]
)
def test_a_clients_own_credentials_are_left_alone(members: dict[str, str]):
    desk = Desk()
    desk.images.logins["a:1"] = "ours"
    pair = ("x-registry-auth", login(members))
    forward = desk.sent("POST", "/images/create?fromImage=a&tag=1", None, pair)
    assert pair in forward.head.headers
    assert "ours" not in dict(forward.head.headers).values()


@pytest.mark.parametrize(
    ("query", "image"),
    [
        ("fromImage=a&tag=1", "a:1"),
        ("fromImage=a", "a"),
        ("fromImage=a:1", "a:1"),
        ("fromImage=a&tag=sha256:12", "a@sha256:12"),
        ("fromImage=a&fromImage=b&tag=1", "a:1"),
    ],
)
def test_the_image_of_a_pull_is_found(query: str, image: str):
    desk = Desk()
    desk.images.logins[image] = "ours"
    forward = desk.sent("POST", f"/v1.41/images/create?{query}")
    assert ("X-Registry-Auth", "ours") in forward.head.headers


def test_images_of_others_get_no_credentials():
    headers = Desk().sent("POST", "/images/create?fromImage=a&tag=1").head.headers
    assert [name for name, _ in headers] == ["Content-Type"]
