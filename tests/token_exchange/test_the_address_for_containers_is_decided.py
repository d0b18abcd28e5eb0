"""Where 169.254.170.2 goes, whom it is left to, and which peers may use it: tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.net.interface_addresses import InterfaceAddress
from greendock.token_exchange.bridge import ADDRESS, Act, Table, admits, decide
from greendock.token_exchange.ports import Bridges

NAMES = {1: "lo", 2: "eth0", 3: "docker0", 4: "br-0123456789ab", 5: "br0", 6: "mybridge"}
LO = InterfaceAddress(1, "127.0.0.1", 8, "lo")
LAN = InterfaceAddress(2, "192.168.1.5", 24, "eth0")
DOCKER = InterfaceAddress(3, "172.17.0.1", 16, "docker0")
OWN = InterfaceAddress(4, "172.18.0.1", 16, "br-0123456789ab")
LAN_BRIDGE = InterfaceAddress(5, "10.0.0.1", 8, "br0")
NAMED = InterfaceAddress(6, "172.30.0.1", 24, "mybridge")
HOST = (LO, LAN, DOCKER, OWN, LAN_BRIDGE, NAMED)
PUT = InterfaceAddress(3, ADDRESS, 32, "docker0:gd")


def table(*addresses, bridges=None):
    return Table(addresses, NAMES, bridges or Bridges())


def test_it_goes_on_the_default_bridge():
    decision = decide(table(*HOST), {})
    assert (decision.act, decision.address, decision.is_ours) == (Act.ADD, PUT, True)


def test_on_a_bridge_of_another_name_that_the_engine_tells():
    bridges = Bridges("mybridge", frozenset({"mybridge"}))
    decision = decide(table(*HOST, bridges=bridges), {})
    assert decision.address == InterfaceAddress(6, ADDRESS, 32, "mybridge:gd")


@pytest.mark.parametrize("name", ["a" * 12, "a" * 13, "a" * 15])
def test_the_label_fits_the_kernel(name):
    there = InterfaceAddress(7, "172.31.0.1", 16, name)
    decision = decide(Table((there,), {7: name}, Bridges(name, frozenset({name}))), {})
    assert decision.address is not None
    assert len(decision.address.label) <= 15
    assert decision.address.label.endswith(":gd")


@pytest.mark.parametrize(
    ("there", "act", "is_ours"),
    [
        (PUT, Act.USE, True),
        (InterfaceAddress(3, ADDRESS, 32, "docker0"), Act.USE, False),
        (InterfaceAddress(4, ADDRESS, 24, "br-0123456789ab"), Act.USE, False),
        (InterfaceAddress(2, ADDRESS, 32, "eth0"), Act.LEAVE, False),
        (InterfaceAddress(1, ADDRESS, 32, "lo"), Act.LEAVE, False),
        (InterfaceAddress(5, ADDRESS, 32, "br0"), Act.LEAVE, False),
    ],
)
def test_one_that_is_there_already(there, act, is_ours):
    decision = decide(table(*HOST, there), {})
    assert (decision.act, decision.is_ours) == (act, is_ours)
    assert (there.interface == 2) is ("eth0" in decision.why)


def test_without_a_bridge_it_waits():
    decision = decide(table(LO, LAN, LAN_BRIDGE), {})
    assert decision.act is Act.WAIT
    assert "docker0" in decision.why


@pytest.mark.parametrize("there", [(), (PUT,)])
def test_inside_ecs_it_is_left_alone(there):
    environ = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/1"}
    assert decide(table(*HOST, *there), environ).act is Act.LEAVE


@pytest.mark.parametrize(
    ("peer", "may"),
    [
        ("172.17.0.2", True),
        ("172.17.255.254", True),
        ("172.18.0.9", True),
        ("172.19.0.9", False),
        ("172.30.0.5", False),
        ("192.168.1.5", True),
        ("192.168.1.6", False),
        ("10.0.0.2", False),
        (ADDRESS, True),
        ("169.254.170.3", False),
        ("127.0.0.1", True),
        ("127.0.0.2", False),
        ("8.8.8.8", False),
        ("", False),
        ("::1", False),
        ("::ffff:172.17.0.2", False),
    ],
)
def test_who_may_come(peer, may):
    assert admits(peer, table(*HOST, PUT)) is may


def test_a_network_whose_interface_the_engine_names_is_dockers():
    named = table(*HOST, bridges=Bridges(names=frozenset({"mybridge"})))
    assert admits("172.30.0.5", named)
    assert not admits("10.0.0.2", named)
    assert named.others == {1, 2, 5}


@given(st.ip_addresses(v=4), st.sampled_from([LO, LAN, LAN_BRIDGE, NAMED]))
def test_no_other_interface_lets_anybody_in(peer, other):
    assert admits(str(peer), table(other, PUT)) is (str(peer) in (other.address, ADDRESS))
