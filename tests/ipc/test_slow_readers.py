"""Peers that don't read what they asked for harm nobody but themselves."""

from __future__ import annotations

import json

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
