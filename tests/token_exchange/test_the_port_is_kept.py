"""Which port the service takes, and that it is the same one after a restart."""

from __future__ import annotations

import asyncio
import socket

import pytest
from exchange_scene import SERVICE, ask, needs_of

from greendock.base.database import Database
from greendock.base.errors import ConfigurationError, DeviceError
from greendock.lifecycle.model import ComponentSpec
from greendock.token_exchange.kept_port import KeptPort
from greendock.token_exchange.port_choice import PortChoice, PortTaken, listen_on
from greendock.token_exchange.service import TokenExchange


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def start_and_stop(core, **configuration):
    """The port of one life of the service."""

    async def scenario():
        service = TokenExchange(needs_of(core))
        try:
            await service.start(ComponentSpec(SERVICE, "2.0.3", configuration=configuration))
            assert service.uri == (
                f"http://127.0.0.1:{service.port}/2016-11-01/credentialprovider/"
            )
            assert (await ask(service)).status == 200
            return service.port
        finally:
            await service.stop()
            assert (service.port, service.uri) == (0, None)

    return asyncio.run(scenario())


def test_a_free_one_is_kept(core):
    first = start_and_stop(core)
    assert core.port == first
    assert start_and_stop(core) == first


def test_the_configured_one(core):
    port = free_port()
    assert start_and_stop(core, port=port) == port
    assert core.port is None


def test_a_kept_one_comes_back_after_a_configured_one(core):
    kept = start_and_stop(core)
    start_and_stop(core, port=free_port())
    assert start_and_stop(core) == kept


def test_a_configured_one_that_is_taken_is_an_error(core):
    with listen_on("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"127.0.0.1:{port}: Address already in use"):
            start_and_stop(core, port=port)


def test_a_kept_one_that_is_taken_is_left_after_a_while_and_told(core, caplog):
    with listen_on("127.0.0.1", 0) as taken:
        core.port = taken.getsockname()[1]
        began = core.clock.time
        other = start_and_stop(core)
        assert other != taken.getsockname()[1]
        assert 5 <= core.clock.time - began < 6
    assert core.port == other
    assert "can't be had" in caplog.text


@pytest.mark.parametrize("is_configured", [True, False])
def test_one_that_is_taken_for_a_moment_is_had(core, is_configured):
    async def scenario():
        taken = listen_on("127.0.0.1", 0)
        core.port = port = taken.getsockname()[1]
        wanted = port if is_configured else 0
        choosing = asyncio.create_task(PortChoice(core, core.clock).take(wanted, ()))
        while core.clock.time < began + 1 and not choosing.done():
            await asyncio.sleep(0)
        taken.close()
        with await choosing as listening:
            assert listening.getsockname() == ("127.0.0.1", port)

    began = core.clock.time
    asyncio.run(scenario())


def test_a_free_one_is_free_at_each_address(core):
    async def scenario():
        # 127.0.0.2 stands for the address of the bridge.
        with await PortChoice(core, core.clock).take(0, ("127.0.0.2",)) as listening:
            listen_on("127.0.0.2", listening.getsockname()[1]).close()

    asyncio.run(scenario())


def test_an_address_that_is_not_there_has_no_port(core):
    async def scenario():
        with pytest.raises(DeviceError, match="no port is free at each address"):
            await PortChoice(core, core.clock).take(0, ("192.0.2.1",))

    asyncio.run(scenario())


def test_a_port_that_is_none_and_no_source_are_errors_at_the_start(core):
    with pytest.raises(ConfigurationError, match="port"):
        start_and_stop(core, port="many")
    core.is_configured = False
    with pytest.raises(ConfigurationError, match="nothing is configured"):
        start_and_stop(core)


def test_the_database_keeps_it(tmp_path):
    for before, port in ((None, 40_001), (40_001, 40_002), (40_002, 40_002)):
        database = Database(tmp_path / "core.db")
        memory = KeptPort(database)
        assert memory.recall() == before
        memory.remember(port)
        assert memory.recall() == port
        database.close()


@pytest.mark.parametrize("what", ["remember", "recall"])
def test_a_disk_without_room_keeps_nobody_from_credentials(core, caplog, what):
    def fail(*_):
        raise DeviceError("cannot write the core's database: disk full")

    setattr(core, what, fail)
    assert start_and_stop(core) > 0
    assert "disk full" in caplog.text
