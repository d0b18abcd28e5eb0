"""What the core's client publishes and receives, by the eyes of a second client."""

from __future__ import annotations

import asyncio
import threading

import pytest
from awscrt import mqtt5
from mqtt_scene import Inbox, Status, plain_options

from greendock.cloud.errors import MqttNotConfigured, MqttNotValid, MqttOffline
from greendock.cloud.mqtt import MqttClient
from greendock.cloud.ports import LinkOptions
from greendock.config.mqtt_settings import BrokerAddress, MqttSettings
from greendock.net.mqtt import MqttMessage, MqttRefused
from lab.broker import Broker
from lab.mqtt_peer import MqttPeer
from lab.waiting import wait_until


def test_all_properties_go_both_ways(open_client, peer):
    sent = MqttMessage(
        "a/b",
        b"\x00\xff",
        qos=1,
        user_properties=(("k", "1"), ("k", "2"), ("", "x")),
        expiry_s=600,
        correlation_data=b"\xfe\x00",
        response_topic="answers/1",
        payload_format=0,
        content_type="text/plain",
    )

    async def run():
        inbox = Inbox()
        async with open_client() as client:
            await client.subscribe("a/+", 1, inbox)
            await client.publish(sent)
            return await inbox.next()

    peer.subscribe("a/b")
    received = asyncio.run(run())
    assert received == sent
    seen = peer.next()
    assert (seen.topic, seen.payload, seen.retain) == ("a/b", b"\x00\xff", False)
    assert [(each.name, each.value) for each in seen.user_properties] == [
        ("k", "1"),
        ("k", "2"),
        ("", "x"),
    ]
    assert (seen.correlation_data_bytes, seen.response_topic) == (b"\xfe\x00", "answers/1")
    assert (seen.content_type, seen.message_expiry_interval_sec) == ("text/plain", 600)
    assert seen.payload_format_indicator == mqtt5.PayloadFormatIndicator.AWS_MQTT5_PFI_BYTES


@pytest.mark.parametrize("qos", [0, 1])
def test_messages_keep_their_order(open_client, peer, qos):
    payloads = [str(number).encode() for number in range(200)]

    async def run():
        async with open_client() as client:
            for payload in payloads:
                await client.publish(MqttMessage("order", payload, qos=qos))

    peer.subscribe("order")
    asyncio.run(run())
    assert [each.payload for each in peer.until(lambda x: x.payload == payloads[-1])] == payloads


@pytest.mark.parametrize("duplicates", ["true", "false"])
def test_overlapping_filters_get_each_message_once(tmp_path, duplicates, open_client):
    own = Broker(tmp_path / "own", extra=[f"allow_duplicate_messages {duplicates}"])
    own.start()

    async def run():
        wide, narrow, same, other = Inbox(), Inbox(), Inbox(), Inbox()
        async with open_client(options=plain_options(own)) as client:
            await client.subscribe("a/#", 1, wide)
            await client.subscribe("a/+", 0, narrow)
            await client.subscribe("a/+", 1, same)
            await client.subscribe("b", 1, other)
            for topic, payload in (("a/1", b"1"), ("a/1/2", b"2"), ("a/1", b"end"), ("b", b"end")):
                await client.publish(MqttMessage(topic, payload, qos=1))
            return [await box.payloads_until(b"end") for box in (wide, narrow, same, other)]

    try:
        found = asyncio.run(run())
    finally:
        own.stop()
    assert found == [[b"1", b"2", b"end"], [b"1", b"end"], [b"1", b"end"], [b"end"]]


def test_retained_messages_reach_each_new_subscriber_once(open_client, peer):
    peer.publish("state/x", b"retained", retain=True)

    async def run():
        first, second = Inbox(), Inbox()
        async with open_client() as client:
            await client.subscribe("state/+", 1, first)
            began = await first.next()
            await client.subscribe("state/+", 1, second)
            joined = await second.next()
            await client.publish(MqttMessage("state/x", b"end", qos=1))
            rest = [await box.payloads_until(b"end") for box in (first, second)]
        return began, joined, rest

    began, joined, rest = asyncio.run(run())
    assert began.payload == joined.payload == b"retained"
    assert began.retain
    assert joined.retain
    assert rest == [[b"end"], [b"end"]]


def test_the_last_one_to_leave_ends_the_subscription_at_the_broker(open_client, broker, peer):
    async def run():
        first, second = Inbox(), Inbox()
        async with open_client() as client:
            ends = [await client.subscribe("shared", 1, box) for box in (first, second)]
            ends[0]()
            ends[0]()
            await client.publish(MqttMessage("shared", b"one", qos=1))
            assert (await second.next()).payload == b"one"
            assert "Received UNSUBSCRIBE" not in broker.log()
            ends[1]()
            unsubscribed = lambda: "Received UNSUBSCRIBE" in broker.log()  # noqa: E731
            await asyncio.to_thread(wait_until, unsubscribed, "the broker is told")

    asyncio.run(run())


def test_refusals_carry_the_code_of_the_broker(open_client, peer):
    async def run():
        async with open_client() as client:
            with pytest.raises(MqttRefused) as refused:
                await client.subscribe("forbidden/x", 1, Inbox())
            # Kept and then refused: the publisher has its answer by then.
            await client.publish(MqttMessage("forbidden/x", b"1", qos=1))
            await client.publish(MqttMessage("fine", b"2", qos=1))
        return refused.value

    peer.subscribe("#")
    error = asyncio.run(run())
    assert error.reason_code == 0x87
    assert "reason code 135" in str(error)
    assert peer.next().topic == "fine"


def test_a_message_that_the_broker_is_too_small_for_is_dropped(tmp_path, open_client, caplog):
    small = Broker(tmp_path / "small", extra=["max_packet_size 1000"])
    small.start()

    async def run():
        inbox = Inbox()
        async with open_client(options=plain_options(small)) as client:
            await client.subscribe("a", 1, inbox)
            await client.publish(MqttMessage("a", b"x" * 5000, qos=1))
            await client.publish(MqttMessage("a", b"end", qos=1))
            return await inbox.payloads_until(b"end")

    try:
        assert asyncio.run(run()) == [b"end"]
    finally:
        small.stop()
    assert "dropped, tries: 1" in caplog.text


def test_a_core_that_is_busy_for_a_while_loses_nothing(open_client, peer):
    payloads = [b"%d" % number for number in range(800)]

    def publish_all() -> None:
        for payload in payloads:
            peer.publish("busy", payload)

    async def run():
        inbox = Inbox()
        async with open_client() as client:
            await client.subscribe("busy", 1, inbox)
            publishing = threading.Thread(target=publish_all)
            publishing.start()
            # Holds the event loop up.
            publishing.join()
            return await inbox.payloads_until(payloads[-1])

    assert asyncio.run(run()) == payloads


def test_what_aws_would_not_take_is_refused_here(open_client):
    async def run():
        async with open_client() as client:
            for topic in ("a/+", "#", "", "x" * 257, "1/2/3/4/5/6/7/8/9", "a\0b"):
                with pytest.raises(MqttNotValid):
                    await client.publish(MqttMessage(topic, qos=1))
            with pytest.raises(MqttNotValid, match="131072"):
                await client.publish(MqttMessage("a", b"x" * 131073))
            for topic_filter in ("a/b#", "#/a", "a+", "", "1/2/3/4/5/6/7/8/9"):
                with pytest.raises(MqttNotValid):
                    await client.subscribe(topic_filter, 0, Inbox())
            assert not client.is_connected

    asyncio.run(run())


def test_mutual_tls_shows_the_device(broker, open_client, peer):
    options = LinkOptions(
        BrokerAddress("localhost", broker.tls_port, with_tls=True),
        client_id="my-thing",
        certificate=broker.certificate,
        key=broker.key,
        authority=broker.authority,
    )

    async def run():
        async with open_client(options=options) as client:
            await client.publish(MqttMessage("over/tls", b"1"))

    peer.subscribe("over/tls")
    asyncio.run(run())
    assert peer.next().payload == b"1"
    assert "as my-thing" in broker.log()


@pytest.mark.parametrize("fault", ["no certificate", "unknown authority", "no file", "no PEM"])
def test_faulty_tls_is_told(broker, open_client, tmp_path, fault):
    faulty = tmp_path / "faulty.pem"
    if fault == "no PEM":
        faulty.write_text("nothing of use")
    shows_nothing = fault == "no certificate"
    certificate = faulty if fault in ("no file", "no PEM") else broker.certificate
    options = LinkOptions(
        BrokerAddress("localhost", broker.tls_port, with_tls=True),
        certificate=None if shows_nothing else certificate,
        key=None if shows_nothing else broker.key,
        authority=None if fault == "unknown authority" else broker.authority,
        reconnect_delay_s=(0.05, 0.2),
    )
    expected = MqttNotConfigured if fault.startswith("no ") and not shows_nothing else MqttOffline

    async def run():
        # The TLS library takes its time to say that it trusts nobody.
        async with open_client(MqttSettings(operation_timeout_s=1), options) as client:
            with pytest.raises(expected):
                await client.publish(MqttMessage("x"))

    asyncio.run(run())


def test_a_new_configuration_moves_the_connection(broker, tmp_path, peer):
    other = Broker(tmp_path / "other")
    other.start()
    chosen = [broker]

    async def run():
        inbox = Inbox()
        client = MqttClient(lambda: MqttSettings(), lambda: plain_options(chosen[0]))
        try:
            await client.subscribe("moved", 1, inbox)
            status = Status()
            await client.watch(status)
            chosen[0] = other
            client.reconsider()
            await status.until(False, True)
            await client.publish(MqttMessage("moved", b"end", qos=1))
            return await inbox.payloads_until(b"end")
        finally:
            await client.close()

    second = MqttPeer(other.port)
    second.subscribe("moved")
    try:
        assert asyncio.run(run()) == [b"end"]
        assert second.next().payload == b"end"
    finally:
        second.close()
        other.stop()
