"""How the engine reads bodies that no ordinary client sends, and that ours mean the same to it.

Each body is sent to the engine as it is and as the rules rebuild it; what the engine makes of the
two has to be the same, and is written down here. Seen on Docker 20.10.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from greendock.docker.gateway import shapes
from greendock.docker.gateway.creation import host_config, with_host_config
from greendock.docker.gateway.json_body import UnreadableBody, read_object, written
from lab import unix_http

if TYPE_CHECKING:
    from lab.lab import Lab

READ = ("Privileged", "Memory", "NetworkMode", "PidMode", "Binds", "CapAdd", "CpusetCpus")
PLAIN = {"NetworkMode": "default"}
IMAGE = '"Image":"mysql:8.0"'
PRIVILEGED = {**PLAIN, "Privileged": True}


@pytest.fixture
def engine(lab: Lab) -> Iterator[Path]:
    assert lab.docker("pull", "-q", "mysql:8.0").returncode == 0
    yield lab.socket


def make(socket: Path, body: bytes) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, what is set of the HostConfig, and labels."""
    answer = unix_http.call(
        socket, "POST", "/v1.41/containers/create", body, content_type="application/json"
    )
    if answer.status != 201:
        return answer.status, {}, {}
    made = answer.json()["Id"]
    found = unix_http.call(socket, "GET", f"/containers/{made}/json").json()
    unix_http.call(socket, "DELETE", f"/containers/{made}")
    host = {name: found["HostConfig"][name] for name in READ if found["HostConfig"].get(name)}
    return answer.status, host, found["Config"]["Labels"] or {}


def rebuilt(body: bytes) -> bytes:
    members = read_object(body, shapes.CREATE_CONTAINER)
    host = host_config(members)
    return written(members if host is None else with_host_config(members, host))


FACTS: list[tuple[str, str, dict[str, Any], dict[str, str]]] = [
    ("case does not count", '"hostconfig":{"PRIVILEGED":true}', PRIVILEGED, {}),
    ("long s is s", '"ho\u017ftconfig":{"Privileged":true}', PRIVILEGED, {}),
    ("Kelvin is k", '"HostConfig":{"Networ\u212aMode":"host"}', {"NetworkMode": "host"}, {}),
    ("dotless i is not i", '"HostConf\u0131g":{"Privileged":true}', PLAIN, {}),
    ("escapes are read first", '"\\u0048ostConfig":{"Privileged":true}', PRIVILEGED, {}),
    ("the top stands for a missing HostConfig", '"Privileged":true', PRIVILEGED, {}),
    ("the top stands for null", '"privileged":true,"HostConfig":null', PRIVILEGED, {}),
    ("the top is ignored beside one", '"Privileged":true,"HostConfig":{}', PLAIN, {}),
    (
        "but for memory and its like",
        '"Memory":8000000,"HostConfig":{"memory":0}',
        {**PLAIN, "Memory": 8_000_000},
        {},
    ),
    (
        "repeated objects add up",
        '"HostConfig":{"Privileged":true},"hostconfig":{"Memory":8000000}',
        {**PRIVILEGED, "Memory": 8_000_000},
        {},
    ),
    ("null empties an object", '"HostConfig":{"Privileged":true},"HostConfig":null', PLAIN, {}),
    ("of flags the last counts", '"HostConfig":{"Privileged":true,"privileged":false}', PLAIN, {}),
    (
        "null changes no flag",
        '"HostConfig":{"Privileged":true,"privileged":null}',
        PRIVILEGED,
        {},
    ),
    ("of lists the last counts", '"HostConfig":{"Binds":["/tmp:/x"],"binds":[]}', PLAIN, {}),
    ("one text is a list", '"HostConfig":{"CapAdd":"MKNOD"}', {**PLAIN, "CapAdd": ["MKNOD"]}, {}),
    (
        "repeated maps add up",
        '"Labels":{"a":"1","a":"2"},"labels":{"b":"3"}',
        PLAIN,
        {"a": "2", "b": "3"},
    ),
    ("null empties a map", '"Labels":{"a":"1"},"labels":null', PLAIN, {}),
    ("half a pair is replaced", '"Labels":{"a":"\\ud800"}', PLAIN, {"a": "\ufffd"}),
]


@pytest.mark.parametrize(("fact", "members", "host", "labels"), FACTS, ids=[f[0] for f in FACTS])
def test_the_engine_reads_it_so_and_ours_means_the_same(
    engine: Path, fact: str, members: str, host: dict[str, Any], labels: dict[str, str]
):
    body = f"{{{IMAGE},{members}}}".encode()
    assert make(engine, body) == (201, host, labels)
    assert make(engine, rebuilt(body)) == (201, host, labels)


def test_bytes_that_are_not_utf8_are_replaced(engine: Path):
    body = b'{"Image":"mysql:8.0","Labels":{"a\xff":"1"}}'
    assert make(engine, body)[2] == make(engine, rebuilt(body))[2] == {"a\ufffd": "1"}


def test_what_follows_the_body_is_ignored_by_the_engine_and_refused_here(engine: Path):
    body = f'{{{IMAGE}}} {{"HostConfig":{{"Privileged":true}}}}'.encode()
    assert make(engine, body) == (201, PLAIN, {})
    with pytest.raises(UnreadableBody):
        rebuilt(body)


def test_the_engine_keeps_parts_of_an_earlier_list_and_ours_does_not(engine: Path):
    """Go fills the elements of the first list again. Nothing is left of the first one here, so
    the engine sees what the rules saw: a mount without a source, which it refuses."""
    first = '"Mounts":[{"Type":"bind","Source":"/tmp","Target":"/x"}]'
    body = f'{{{IMAGE},"HostConfig":{{{first},"mounts":[{{"Type":"bind","Target":"/y"}}]}}}}'
    assert make(engine, body.encode())[0] == 201
    assert make(engine, rebuilt(body.encode()))[0] == 400


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"a":', b"\xef\xbb\xbf{}", b'{"a":NaN}'])
def test_what_is_refused_here_the_engine_refuses_too(engine: Path, body: bytes):
    assert make(engine, body)[0] in (400, 500)
    with pytest.raises(UnreadableBody):
        rebuilt(body)


def test_numbers_have_to_be_whole_for_the_engine(engine: Path):
    body = f'{{{IMAGE},"HostConfig":{{"Memory":8e6}}}}'.encode()
    assert make(engine, body)[0] == make(engine, rebuilt(body))[0] == 500


def test_a_form_in_the_body_speaks_for_the_query(engine: Path):
    body = f"{{{IMAGE}}}".encode()
    made = json.loads(
        unix_http.call(
            engine, "POST", "/containers/create", body, content_type="application/json"
        ).body
    )["Id"]
    form = "application/x-www-form-urlencoded"
    target = f"/containers/{made}/rename?name=asked"
    unix_http.call(engine, "POST", target, b"name=hidden", content_type=form)
    found = unix_http.call(engine, "GET", f"/containers/{made}/json").json()
    unix_http.call(engine, "DELETE", f"/containers/{made}")
    assert found["Name"] == "/hidden"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("//containers/json", 301),
        ("/containers/../containers/json", 301),
        ("/containers%2Fjson", 200),
        ("/CONTAINERS/json", 404),
        ("/v1.41.0/containers/json", 200),
        ("/containers/json?all=%zz", 400),
        ("/containers/json?a=1;b=2", 400),
    ],
)
def test_paths_as_the_engine_takes_them(engine: Path, target: str, status: int):
    assert unix_http.call(engine, "GET", target).status == status
