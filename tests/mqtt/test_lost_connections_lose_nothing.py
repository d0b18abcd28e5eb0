"""A broker that dies or hides: messages of QoS 1 and subscriptions come through it."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from mqtt_scene import Inbox, Status, plain_options

from greendock.cloud.errors import MqttOffline, SpoolFull
from greendock.config.mqtt_settings import BrokerAddress, MqttSettings, SpoolerSettings
from greendock.net.mqtt import MqttMessage
from lab.mqtt_peer import MqttPeer


class Relay:
    """A way to the broker that a test can cut and mend, so that the broker keeps running."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            for each in (writer, far_writer):
                self._writers.discard(each)
                each.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


def test_after_the_death_of_the_broker_everything_goes_on(open_client, broker):
    async def run():
        inbox, status = Inbox(), Status()
        async with open_client() as client:
            await client.subscribe("news/#", 1, inbox)
            await client.watch(status)
            broker.kill()
            await status.until(False)
            for number in range(20):
                await client.publish(MqttMessage(f"news/{number}", b"%d" % number, qos=1))
            with pytest.raises(MqttOffline, match="QoS 1 would be kept"):
                await client.publish(MqttMessage("news/0", b"lost"))
            broker.start()
            await status.until(False, True)
            return await inbox.payloads_until(b"19")

    assert asyncio.run(run()) == [b"%d" % number for number in range(20)]


def test_the_broker_keeps_our_session_over_a_cut(open_client, broker, peer):
    async def run():
        relay = Relay(broker.port)
        await relay.mend()
        way = BrokerAddress("127.0.0.1", relay.port, with_tls=False)
        inbox, status = Inbox(), Status()
        options = plain_options(broker, broker=way, client_id="keeps-its-session")
        async with open_client(options=options) as client:
            await client.subscribe("kept", 1, inbox)
            leave = await client.subscribe("left", 1, inbox)
            await client.watch(status)
            await relay.cut()
            await status.until(False)
            leave()
            await asyncio.to_thread(peer.publish, "kept", b"while away")
            await relay.mend()
            await status.until(False, True)
            await client.publish(MqttMessage("kept", b"end", qos=1))
            found = await inbox.payloads_until(b"end")
            await asyncio.to_thread(peer.publish, "left", b"not wanted")
            await client.publish(MqttMessage("kept", b"end", qos=1))
            found += await inbox.payloads_until(b"end")
        await relay.cut()
        return found

    assert asyncio.run(run()) == [b"while away", b"end", b"end"]
    assert "UNSUBSCRIBE" in broker.log()


def test_a_subscription_waits_for_the_connection(open_client, broker):
    async def run():
        broker.kill()
        inbox, status = Inbox(), Status()
        async with open_client() as client:
            await client.watch(status)
            waiting = asyncio.create_task(client.subscribe("late", 1, inbox))
            broker.start()
            await waiting
            await client.publish(MqttMessage("late", b"end", qos=1))
            return await inbox.payloads_until(b"end")

    assert asyncio.run(run()) == [b"end"]


def test_without_a_broker_a_subscription_ends_in_time_and_leaves_nothing(open_client, broker):
    settings = MqttSettings(operation_timeout_s=0.2)

    async def run():
        broker.kill()
        inbox, status = Inbox(), Status()
        async with open_client(settings) as client:
            await client.watch(status)
            with pytest.raises(MqttOffline, match="there is no connection"):
                await client.subscribe("late", 1, inbox)
            broker.start()
            await status.until(True)
            await client.subscribe("other", 1, inbox)
            await client.publish(MqttMessage("late", b"not wanted", qos=1))
            await client.publish(MqttMessage("other", b"end", qos=1))
            return await inbox.payloads_until(b"end")

    assert asyncio.run(run()) == [b"end"]


def test_the_first_message_of_qos_0_waits_for_the_first_connection(open_client, peer):
    async def run():
        async with open_client() as client:
            await client.publish(MqttMessage("first", b"1"))

    peer.subscribe("first")
    asyncio.run(run())
    assert peer.next().payload == b"1"


def test_the_spooler_is_bounded(open_client, broker):
    settings = MqttSettings(spooler=SpoolerSettings(max_size_bytes=10_000))

    async def run():
        broker.kill()
        async with open_client(settings) as client:
            kept = 0
            with pytest.raises(SpoolFull, match="10000"):
                while kept < 1000:
                    await client.publish(MqttMessage("t", b"x" * 1000, qos=1))
                    kept += 1
            return kept

    assert asyncio.run(run()) == 9


def test_qos_0_is_kept_where_it_is_asked_for(open_client, broker):
    settings = MqttSettings(spooler=SpoolerSettings(keep_qos0_when_offline=True))

    async def run():
        broker.kill()
        status = Status()
        async with open_client(settings) as client:
            await client.watch(status)
            await client.publish(MqttMessage("kept", b"1"))
            await client.publish(MqttMessage("kept", b"2", qos=1))
            broker.start()
            peer = await asyncio.to_thread(MqttPeer, broker.port)
            try:
                await asyncio.to_thread(peer.subscribe, "kept")
                await status.until(True)
                # At the latest now the spooler is empty; what was sent before the peer came is
                # counted by the broker's own log.
                await client.publish(MqttMessage("kept", b"end", qos=1))
                await asyncio.to_thread(peer.until, lambda x: x.payload == b"end")
            finally:
                await asyncio.to_thread(peer.close)

    asyncio.run(run())
    assert broker.log().count("Received PUBLISH") == 3
