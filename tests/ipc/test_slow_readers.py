"""Peers that don't read what they asked for harm nobody but themselves."""

from __future__ import annotations

import json

import pytest

from greendock.deployment.record import (
    DeploymentNote,
    DeploymentRecord,
    ImageProgressed,
    Phase,
    Status,
)
from greendock.ipc import rpc

LIST = "aws.greengrass#ListComponents"
SUBSCRIBE = "greendock#SubscribeToDeployment"


def in_progress(deployment_id):
    return DeploymentRecord(deployment_id, 1700000000.0, Status.IN_PROGRESS, Phase.PREPARING)


def assert_works(client):
    client.send(rpc.request(1, LIST, b"{}"))
    assert rpc.envelope(client.receive())[:3] == (0, 2, 1)


def test_requests_of_a_peer_that_does_not_read_wait(served, raw):
    """Its answers would take 100 times what the backlog allows; the input stops instead."""
    served.components.add("com.example.A", text="x" * (1024 * 1024))
    client, other = raw(served, served.client_token()), raw(served, served.client_token())
    count = 1600
    client.send(*[rpc.request(stream, LIST, b"{}") for stream in range(1, count + 1)])
    other.send(rpc.request(1, LIST, b"{}"))
    assert other.receive() is not None
    for stream in range(1, 51):
        assert rpc.envelope(client.receive())[:3] == (0, 2, stream)


def test_progress_for_a_slow_reader_is_dropped_and_its_notes_are_not(
    serve, raw, deployment_id, eventually, caplog
):
    served = serve(droppable_backlog=300_000)
    served.deployments.records[deployment_id] = in_progress(deployment_id)
    client = raw(served, served.client_token())
    client.send(rpc.request(1, SUBSCRIBE, rpc.to_json({"deploymentId": deployment_id})))
    client.receive()
    client.receive()
    image = ImageProgressed(deployment_id, "x" * 10_000, "downloading", 1, 2, {})
    served.publish(*[image] * 200, DeploymentNote(deployment_id, "INFO", "still here"))
    images, note = 0, None
    while note is None:
        event = json.loads(client.receive().payload)
        images += "image" in event
        note = event.get("note")
    assert note == {"level": "INFO", "text": "still here"}
    assert 0 < images < 200
    client.close()
    eventually(lambda: f"{200 - images} events were dropped" in caplog.text)


def test_a_peer_that_never_reads_is_cut_off(serve, raw, deployment_id, eventually):
    served = serve(backlog=1_000_000)
    served.deployments.records[deployment_id] = in_progress(deployment_id)
    client, other = raw(served, served.client_token()), raw(served, served.client_token())
    client.send(rpc.request(1, SUBSCRIBE, rpc.to_json({"deploymentId": deployment_id})))
    client.receive()
    served.publish(*[DeploymentNote(deployment_id, "INFO", "x" * 100_000)] * 100)
    eventually(lambda: served.server.connection_count == 1)
    assert_works(other)


def test_stop_does_not_wait_for_ever_for_a_peer_that_does_not_read(served, raw):
    served.components.add("com.example.A", text="x" * (8 * 1024 * 1024))
    client = raw(served, served.client_token())
    client.send(rpc.request(1, LIST, b"{}"))
    assert client.socket.recv(1) != b""
    served.stopped = True
    served.wait_for(served.server.stop(deadline_s=0.05))
    assert served.server.connection_count == 0


# -- publish/subscribe

TOPIC = "aws.greengrass#SubscribeToTopic"
PUBLISH = "aws.greengrass#PublishToTopic"
BLOB = "A" * 10_000
ALLOWED = {"aws.greengrass.ipc.pubsub": {"p": {"operations": ["*"], "resources": ["*"]}}}


@pytest.fixture
def component(raw):
    """A greeted connection of a component that may do everything."""

    def make(served, name):
        served.policies[name] = ALLOWED
        return raw(served, served.component_token(name))

    return make


def subscribed(client, topic="t", stream=1):
    client.send(rpc.request(stream, TOPIC, rpc.to_json({"topic": topic})))
    assert rpc.envelope(client.receive())[:3] == (0, 0, stream)
    return client


def publish(stream, blob=BLOB, topic="t"):
    message = {"binaryMessage": {"message": blob}}
    return rpc.request(stream, PUBLISH, rpc.to_json({"topic": topic, "publishMessage": message}))


def publish_all(client, count, first=1):
    """One after the other; each has to be answered."""
    for stream in range(first, first + count):
        client.send(publish(stream))
        assert rpc.envelope(client.receive())[:3] == (0, 2, stream)


def test_a_slow_subscriber_loses_messages_and_nobody_else_does(
    served, component, eventually, caplog
):
    publisher = component(served, "com.example.P")
    slow = subscribed(component(served, "com.example.Slow"))
    quick = subscribed(component(served, "com.example.Quick"))
    count = 600
    for stream in range(1, count + 1):
        publisher.send(publish(stream))
        assert rpc.envelope(publisher.receive())[:3] == (0, 2, stream)
        assert rpc.envelope(quick.receive())[:3] == (0, 0, 1)
    dropped = served.call(lambda: served.server.drops.total("com.example.Slow"))
    assert dropped > 0
    assert served.call(lambda: served.server.drops.total("com.example.Quick")) == 0
    for _ in range(count - dropped):
        assert rpc.envelope(slow.receive())[:3] == (0, 0, 1)
    publish_all(publisher, 1, first=count + 1)
    assert rpc.envelope(slow.receive())[:3] == (0, 0, 1)
    starts = [r for r in caplog.records if "reads too slowly" in r.getMessage()]
    assert len(starts) == 1
    assert "com.example.Slow reads too slowly: events are dropped, 1 of" in caplog.text
    assert f"{TOPIC} 't'" in caplog.text
    slow.send(rpc.terminate(1))
    eventually(lambda: f"{dropped} events were dropped ({TOPIC} 't')" in caplog.text)


def test_what_waits_for_a_slow_subscriber_is_bounded(served, component):
    publisher = component(served, "com.example.P")
    subscribed(component(served, "com.example.Slow"))
    publish_all(publisher, 2000)

    def waiting():
        return max(
            each._outbox_bytes + each._transport.get_write_buffer_size()
            for each in served.server._connections
        )

    assert served.call(waiting) <= served.limits.droppable_backlog


def test_a_large_message_for_a_reader_that_keeps_up_is_not_dropped(serve, component):
    served = serve(droppable_backlog=100_000, backlog=200_000)
    publisher = component(served, "com.example.P")
    reader = subscribed(component(served, "com.example.R"))
    for stream in (1, 2, 3):
        publisher.send(publish(stream, "A" * 4_000_000))
        assert len(reader.receive().payload) > 4_000_000
        assert rpc.envelope(publisher.receive())[:3] == (0, 2, stream)


def test_a_subscriber_that_first_publishes_and_then_reads_is_not_cut_off(serve, component):
    """Twenty times what may wait for it, of its own messages, before it reads anything."""
    served = serve(droppable_backlog=300_000, backlog=400_000)
    client = subscribed(component(served, "com.example.Both"))
    count = 600
    client.send(*[publish(stream) for stream in range(2, count + 2)])
    answers, events = [], 0
    while len(answers) < count:
        envelope = rpc.envelope(client.receive())
        if envelope.stream == 1:
            events += 1
        else:
            answers.append(envelope.stream)
    assert answers == list(range(2, count + 2))
    assert 0 < events < count
    assert served.call(lambda: served.server.drops.total("com.example.Both")) == count - events
    client.send(publish(count + 2))
    streams = {rpc.envelope(client.receive()).stream for _ in range(2)}
    assert streams == {1, count + 2}


def test_a_publisher_that_reads_no_answers_waits_itself(served, component, eventually):
    """It is not cut off, since it may read yet; its further messages stay where they are."""
    client = component(served, "com.example.Deaf")
    client.socket.setblocking(False)
    frames, stream = b"", 0
    served.policies["com.example.Deaf"] = ALLOWED
    try:
        for _ in range(200):
            frames = b"".join(publish(stream + n, "AAAA") for n in range(1, 1001))
            stream += 1000
            while frames:
                frames = frames[client.socket.send(frames) :]
    except BlockingIOError:
        pass
    assert stream < 200_000
    other = component(served, "com.example.P")
    publish_all(other, 10)
    assert served.server.connection_count == 2


def test_unread_events_are_not_held_against_a_peer_but_unread_answers_are(
    serve, raw, component, deployment_id, eventually
):
    served = serve(droppable_backlog=3_000_000, backlog=1_000_000)
    served.deployments.records[deployment_id] = in_progress(deployment_id)
    publisher, other = component(served, "com.example.P"), raw(served, served.client_token())
    peer = subscribed(raw(served, served.client_token()))
    peer.send(rpc.request(2, SUBSCRIBE, rpc.to_json({"deploymentId": deployment_id})))
    peer.receive()
    peer.receive()
    publish_all(publisher, 400)
    note = DeploymentNote(deployment_id, "INFO", "x" * 100_000)
    served.publish(note)
    assert served.server.connection_count == 3
    served.publish(*[note] * 20)
    eventually(lambda: served.server.connection_count == 2)
    assert_works(other)
    publish_all(publisher, 1, first=401)
