"""A pause ends when the kernel tells of a new address or route, else when it runs out."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.net.connectivity import Connectivity
from greendock.net.rtnetlink import brings_network

LONG_S = 60.0


def run(action: Callable[[Connectivity], Awaitable[None]]) -> None:
    async def whole() -> None:
        connectivity = Connectivity()
        try:
            async with asyncio.timeout(LONG_S / 2):
                await action(connectivity)
        finally:
            connectivity.close()

    asyncio.run(whole())


@pytest.fixture
def cable(lab) -> Iterator[str]:
    """An interface in the lab's network that nobody else knows; its other end is up."""
    lab.run_inside("ip", "link", "add", "gdtest0", "type", "veth", "peer", "name", "gdtest1")
    lab.run_inside("ip", "link", "set", "gdtest1", "up")
    yield "gdtest0"
    lab.run_inside("ip", "link", "delete", "gdtest0")


def wakes(lab, before: list[str], *commands: str) -> bool:
    """Whether a long pause ends when `commands` run inside the lab."""
    woken: list[bool] = []

    async def action(connectivity: Connectivity) -> None:
        connectivity.start()
        pause = asyncio.create_task(connectivity.pause(LONG_S))
        await asyncio.sleep(0)
        for command in commands:
            await asyncio.to_thread(lab.run_inside, *command.split())
        woken.append(await pause)

    for command in before:
        lab.run_inside(*command.split())
    with lab.namespaces.network():
        run(action)
    return woken == [True]


@pytest.mark.parametrize("address", ["192.0.2.7/24", "2001:db8::7/64"])
def test_a_new_address_ends_a_pause(lab, address: str):
    try:
        assert wakes(lab, [], f"ip address add {address} dev lo")
    finally:
        lab.run_inside("ip", "address", "delete", address, "dev", "lo")


def test_a_link_that_comes_back_with_its_address_ends_a_pause(lab, cable: str):
    before = [f"ip address add 192.0.2.7/24 dev {cable}", f"ip link set {cable} down"]
    assert wakes(lab, before, f"ip link set {cable} up")


def test_a_new_default_route_ends_a_pause(lab, cable: str):
    before = [f"ip address add 192.0.2.7/24 dev {cable}", f"ip link set {cable} up"]
    assert wakes(lab, before, f"ip route add default via 192.0.2.1 dev {cable} metric 4000")


def test_all_who_wait_are_woken(lab, cable: str):
    async def action(connectivity: Connectivity) -> None:
        pauses = [asyncio.create_task(connectivity.pause(LONG_S)) for _ in range(3)]
        await asyncio.sleep(0)
        command = ("ip", "address", "add", "192.0.2.9/24", "dev", cable)
        await asyncio.to_thread(lab.run_inside, *command)
        assert await asyncio.gather(*pauses) == [True, True, True]

    with lab.namespaces.network():
        run(action)


def test_a_pause_runs_out():
    async def action(connectivity: Connectivity) -> None:
        assert await connectivity.pause(0.05) is False
        assert await connectivity.pause(0) is False

    run(action)


def test_starting_twice_is_starting_once():
    async def action(connectivity: Connectivity) -> None:
        connectivity.start()
        connectivity.start()
        assert await connectivity.pause(0.01) is False

    run(action)


def test_closing_is_for_good():
    async def action(connectivity: Connectivity) -> None:
        pause = asyncio.create_task(connectivity.pause(0.2))
        await asyncio.sleep(0)
        connectivity.close()
        connectivity.close()
        assert await pause is False
        assert await connectivity.pause(0.01) is False

    run(action)  # a socket opened anew would warn when it is collected


def test_closing_after_the_loop_ended_is_fine():
    connectivity = Connectivity()

    async def action() -> None:
        connectivity.start()

    asyncio.run(action())
    connectivity.close()


def test_a_pause_can_be_cancelled():
    async def action(connectivity: Connectivity) -> None:
        pause = asyncio.create_task(connectivity.pause(LONG_S))
        await asyncio.sleep(0)
        pause.cancel()
        await asyncio.wait([pause])
        assert pause.cancelled()

    run(action)


def test_a_kernel_without_such_news_leaves_plain_pauses(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(socket, "AF_NETLINK")

    async def action(connectivity: Connectivity) -> None:
        connectivity.start()
        assert await connectivity.pause(0.01) is False

    run(action)


# --- which news count

NEW_ROUTE, DELETED_ROUTE, NEW_ADDRESS, DELETED_ADDRESS = 24, 25, 20, 21


def message(kind: int, body: bytes) -> bytes:
    body += b"\0" * (-len(body) % 4)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def address(kind: int = NEW_ADDRESS, scope: int = 0, family: int = socket.AF_INET) -> bytes:
    return message(kind, struct.pack("=BBBBI", family, 24, 0, scope, 2) + b"attributes")


def route(
    kind: int = NEW_ROUTE,
    family: int = socket.AF_INET,
    length: int = 24,
    table: int = 254,
    form: int = 1,
) -> bytes:
    return message(kind, struct.pack("=BBBBBBBBI", family, length, 0, 0, table, 2, 0, form, 0))


@pytest.mark.parametrize(
    ("news", "counts"),
    [
        (address(), True),
        (address(family=socket.AF_INET6), True),
        (address(kind=DELETED_ADDRESS), False),
        (address(scope=253, family=socket.AF_INET6), False),
        (address(scope=254), False),
        (route(), True),
        (route(length=0), True),
        (route(kind=DELETED_ROUTE), False),
        (route(table=255), False),
        (route(form=3), False),
        (route(family=socket.AF_INET6, length=0), True),
        (route(family=socket.AF_INET6, length=64), False),
        (address(scope=253) + route(table=255) + address(), True),
        (address(scope=253) + route(table=255), False),
        (b"", False),
        (address()[:20], False),
        (struct.pack("=IHHII", 0, NEW_ADDRESS, 0, 0, 0), False),
    ],
)
def test_news_that_count(news: bytes, counts: bool):
    assert brings_network(news) is counts


@given(st.binary(max_size=100) | st.binary(max_size=40).map(lambda x: address(scope=253) + x))
def test_no_message_is_too_odd(news: bytes):
    assert brings_network(news) in (True, False)


def test_listeners_hear_of_all_news_or_of_hopeful_ones(lab, cable: str):
    heard: list[str] = []

    async def action(connectivity: Connectivity) -> None:
        ends = [
            connectivity.listen(lambda: heard.append("any")),
            connectivity.listen_for_network(lambda: heard.append("hopeful")),
        ]

        async def change(verb: str) -> None:
            command = f"ip address {verb} 192.0.2.9/24 dev {cable}"
            await asyncio.to_thread(lab.run_inside, *command.split())

        await change("add")
        while "hopeful" not in heard:
            await asyncio.sleep(0.01)
        assert "any" in heard
        heard.clear()
        await change("delete")
        while "any" not in heard:
            await asyncio.sleep(0.01)
        for end in ends:
            end()
            end()
        heard.clear()
        pause = asyncio.create_task(connectivity.pause(LONG_S))
        await asyncio.sleep(0)
        await change("add")
        assert await pause
        assert heard == []

    lab.run_inside("ip", "link", "set", cable, "up")
    with lab.namespaces.network():
        run(action)
