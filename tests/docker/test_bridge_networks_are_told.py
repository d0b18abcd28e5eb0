"""The interfaces of the engine's bridge networks, as Docker names them or as their options do."""

from __future__ import annotations

import json

import pytest

from greendock.docker.engine.networks import BridgeNetworks, read_networks
from greendock.docker.errors import DockerError


def network(name, driver="bridge", options=None, number="f" * 64):
    return {"Name": name, "Id": number, "Driver": driver, "Options": options, "Scope": "local"}


def test_names():
    body = json.dumps(
        [
            network("bridge", options={"com.docker.network.bridge.name": "docker0"}),
            network("plain", number="0123456789abcdef"),
            network("named", options={"com.docker.network.bridge.name": "mybridge"}),
            network("host", "host"),
            network("none", "null"),
            network("lan", "macvlan"),
        ]
    ).encode()
    assert read_networks(body) == BridgeNetworks(
        "docker0", frozenset({"docker0", "br-0123456789ab", "mybridge"})
    )


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"\xff", b'[{"Options": 1}]'])
def test_what_is_no_list_is_an_error(body):
    with pytest.raises(DockerError, match="makes no sense"):
        read_networks(body)


def test_an_engine_without_a_default_network():
    assert read_networks(b"[]") == BridgeNetworks(None, frozenset())
