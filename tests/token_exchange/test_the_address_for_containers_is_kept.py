"""The address on Docker's bridge is put, told about once, and taken away by the last core."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass, field

import pytest

from greendock.net.interface_addresses import InterfaceAddress
from greendock.token_exchange.bridge import ADDRESS
from greendock.token_exchange.bridge_address import BridgeAddress
from greendock.token_exchange.ports import Bridges

# The first interface of every network namespace is `lo`, which the engine calls its bridge here.
LO = 1
OWN = InterfaceAddress(LO, "172.17.0.1", 16, "lo")
PUT = InterfaceAddress(LO, ADDRESS, 32, "lo:gd")
OTHERS = InterfaceAddress(LO, ADDRESS, 32, "lo")


@dataclass
class Table:
    """The kernel's addresses."""

    addresses: list[InterfaceAddress] = field(default_factory=lambda: [OWN])
    fault: OSError | None = None
    is_listened_on: bool = False

    def all(self):
        return list(self.addresses)

    def add(self, address):
        if self.fault is not None:
            raise self.fault
        self.addresses.append(address)

    def remove(self, address):
        self.addresses.remove(address)

    def has_listener(self, address):
        assert address == ADDRESS
        return self.is_listened_on


@dataclass
class Engine:
    """Tells its bridge, or nothing."""

    answer: Bridges | None = field(default_factory=lambda: Bridges("lo", frozenset({"lo"})))
    asked: int = 0

    async def bridges(self):
        self.asked += 1
        return self.answer


@pytest.fixture
def table():
    return Table()


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def bridge(table, engine):
    return BridgeAddress(table, engine, {})


def ensure(bridge):
    return asyncio.run(bridge.ensure())


def test_it_is_put_once_and_put_back(table, bridge):
    for _ in range(2):
        assert ensure(bridge)
        assert table.addresses == [OWN, PUT]
    table.addresses.remove(PUT)
    assert ensure(bridge)
    assert table.addresses == [OWN, PUT]


@pytest.mark.parametrize(
    ("there", "is_listened_on", "left"),
    [
        ([OWN, PUT], False, [OWN]),
        ([OWN, PUT], True, [OWN, PUT]),
        ([OWN, OTHERS], False, [OWN, OTHERS]),
    ],
)
def test_the_last_core_takes_it_away(table, bridge, there, is_listened_on, left):
    table.addresses, table.is_listened_on = there, is_listened_on
    assert ensure(bridge)
    bridge.let_go()
    assert table.addresses == left


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (PermissionError(errno.EPERM, "refused"), "CAP_NET_ADMIN"),
        (OSError(errno.ENODEV, "no such device"), "no such device"),
    ],
)
def test_what_hinders_it_is_told_once(table, bridge, caplog, fault, text):
    table.fault = fault
    for _ in range(3):
        assert not ensure(bridge)
    assert caplog.text.count(text) == 1
    assert "--network host" in caplog.text
    table.fault = None
    assert ensure(bridge)


def test_the_engine_is_asked_again_when_it_said_nothing_or_there_is_more(table, engine, bridge):
    engine.answer = None
    for asked in (1, 2):
        assert not ensure(bridge)
        assert engine.asked == asked
    engine.answer = Bridges("lo", frozenset({"lo"}))
    for asked in (3, 4, 4):
        # What was unknown is Docker's now, so once more for what is left.
        assert ensure(bridge)
        assert engine.asked == asked
    table.addresses.append(InterfaceAddress(LO + 1000, "10.1.0.1", 16, "new"))
    ensure(bridge)
    assert engine.asked == 5


def test_peers(table, bridge):
    assert ensure(bridge)
    assert bridge.admits("172.17.0.2")
    assert not bridge.admits("198.51.100.2")


def test_a_kernel_that_says_nothing_lets_nobody_in(table, bridge, caplog):
    def nothing():
        raise OSError(errno.ENOBUFS, "no buffer space")

    table.all = nothing
    assert not ensure(bridge)
    assert not bridge.admits("172.17.0.2")
    bridge.let_go()
    assert "no buffer space" in caplog.text
