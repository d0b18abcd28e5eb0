"""Our own operations, called through the runtime of the official client."""

from __future__ import annotations

import queue
from typing import Any

import awsiot.greengrasscoreipc
import pytest
from awsiot import eventstreamrpc
from awsiot.greengrasscoreipc import model

from greendock.deployment.record import (
    DeploymentChanged,
    DeploymentNote,
    DeploymentRecord,
    DetailedStatus,
    ImageProgressed,
    Phase,
    Status,
)
from greendock.lifecycle.model import ComponentStateChanged, State

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


class Shape(eventstreamrpc.Shape):
    """Any structure as its JSON."""

    def __init__(self, members: dict[str, Any]) -> None:
        self.members = members

    def _to_payload(self):
        return self.members


def shape(name: str) -> type[Shape]:
    def model_name(cls):
        return name

    def from_payload(cls, payload):
        return cls(payload)

    members = {"_model_name": classmethod(model_name), "_from_payload": classmethod(from_payload)}
    return type(name, (Shape,), members)


def operation(name: str, event: str | None = None) -> type[eventstreamrpc.ClientOperation]:
    parts = {
        "_model_name": f"greendock#{name}",
        "_request_type": shape(f"greendock#{name}Request"),
        "_request_stream_type": None,
        "_response_type": shape(f"greendock#{name}Response"),
        "_response_stream_type": shape(event) if event else None,
    }
    members = {key: classmethod(lambda cls, value=value: value) for key, value in parts.items()}
    return type(name, (eventstreamrpc.ClientOperation,), members)


class Events(eventstreamrpc.StreamResponseHandler):
    def __init__(self) -> None:
        self.queue: queue.Queue[Any] = queue.Queue()

    def on_stream_event(self, event) -> None:
        self.queue.put(event.members)

    def on_stream_error(self, error) -> bool:
        self.queue.put(error)
        return True

    def on_stream_closed(self) -> None:
        self.queue.put("closed")

    def next(self):
        return self.queue.get(timeout=10)


NAMES = ["GetCoreStatus", "DescribeDeployment", "DescribeComponent", "DescribeComponents"]
UNARY = {name: operation(name) for name in NAMES}
SUBSCRIBE = operation("SubscribeToDeployment", "greendock#DeploymentEvent")
SHAPES = [model.ResourceNotFoundError, model.InvalidArgumentsError, model.ServiceError]
SHAPES += [kind._response_type() for kind in (*UNARY.values(), SUBSCRIBE)]
SHAPES += [SUBSCRIBE._response_stream_type()]


class Client:
    def __init__(self, client) -> None:
        self.connection = client._connection
        self.client = client
        self.index = eventstreamrpc.ShapeIndex(SHAPES)

    def call(self, name: str, **members: Any) -> dict[str, Any]:
        kind = UNARY[name]
        running = kind(None, self.index, self.connection)
        running._activate(kind._request_type()(members)).result(10)
        return running._get_response().result(10).members

    def subscribe(self, deployment_id: str) -> tuple[Events, Any]:
        events = Events()
        running = SUBSCRIBE(events, self.index, self.connection)
        running._activate(SUBSCRIBE._request_type()({"deploymentId": deployment_id})).result(10)
        assert running._get_response().result(10).members == {}
        return events, running


@pytest.fixture
def client(served):
    connection = awsiot.greengrasscoreipc.connect(
        ipc_socket=str(served.socket_path), authtoken=served.client_token()
    )
    yield Client(connection)
    connection.close().exception(10)


def record(deployment_id, status=Status.IN_PROGRESS, phase=Phase.PREPARING, **more):
    return DeploymentRecord(deployment_id, 1700000000.25, status, phase, **more)


def test_get_core_status(served, client):
    served.components.add("com.example.A")
    assert client.call("GetCoreStatus") == {
        "version": "0.1.0",
        "rootPath": "/greengrass/v2",
        "pid": 99,
        "startedAt": 1700000000.5,
        "componentCount": 1,
        "engine": {
            "address": "unix:///run/docker.sock",
            "state": "reachable",
            "version": "28.2",
        },
    }
    served.core.engine = None
    assert "engine" not in client.call("GetCoreStatus")


def test_describe_components_shows_the_true_state(served, client):
    served.components.add("com.example.A", State.UNINSTALLING, key=None)
    expected = {
        "componentName": "com.example.A",
        "version": "1.0.0",
        "state": "UNINSTALLING",
        "statusCode": "NONE",
        "statusReason": "all is well",
        "restarts": 2,
        "paused": False,
        "pid": 4711,
        "containers": [],
        "containersKnown": True,
        "adopted": False,
        "unowned": [],
        "configuration": {"key": None},
    }
    assert client.call("DescribeComponents") == {"components": [expected]}
    assert client.call("DescribeComponent", componentName="com.example.A") == {
        "component": expected
    }
    with pytest.raises(model.ResourceNotFoundError):
        client.call("DescribeComponent", componentName="com.example.B")


def test_describe_deployment_shows_the_true_status(served, client, deployment_id):
    served.deployments.records[deployment_id] = record(
        deployment_id,
        Status.FAILED,
        Phase.DONE,
        detailed=DetailedStatus.FAILED_UNABLE_TO_ROLLBACK,
        error_stack=("DEPLOYMENT_FAILURE",),
        error_types=("DEVICE_ERROR",),
        cause="the disk is full",
        warnings=("old engine",),
        timings={"preparing": 1.5},
    )
    assert client.call("DescribeDeployment", deploymentId=deployment_id)["deployment"] == {
        "deploymentId": deployment_id,
        "status": "FAILED",
        "phase": "done",
        "createdOn": "14-11-2023 22:13:20 UTC",
        "createdAt": 1700000000.25,
        "detailedStatus": "FAILED_UNABLE_TO_ROLLBACK",
        "errorStack": ["DEPLOYMENT_FAILURE"],
        "errorTypes": ["DEVICE_ERROR"],
        "cause": "the disk is full",
        "warnings": ["old engine"],
        "timings": {"preparing": 1.5},
        "waiting": [],
    }
    with pytest.raises(model.ResourceNotFoundError):
        client.call("DescribeDeployment", deploymentId=UNKNOWN_ID)


def test_a_subscription_tells_the_deployment_to_its_end(served, client, deployment_id):
    served.deployments.records[deployment_id] = record(deployment_id, Status.QUEUED, Phase.QUEUED)
    change = ComponentStateChanged(
        "com.example.A", "1.0.0", State.STARTING, State.RUNNING, "NONE", "", 1.0
    )
    events, _ = client.subscribe(deployment_id)
    assert events.next()["status"]["status"] == "QUEUED"
    served.publish(
        change,
        DeploymentChanged(record(UNKNOWN_ID)),
        DeploymentNote(UNKNOWN_ID, "INFO", "of another one"),
        DeploymentChanged(record(deployment_id)),
        DeploymentNote(deployment_id, "WARN", "waiting for the engine"),
        ImageProgressed(
            deployment_id, "alpine:3", "downloading", 5, 10, {"ab12": ("Downloading", 5, 10)}
        ),
        change,
        DeploymentChanged(record(deployment_id, Status.SUCCEEDED, Phase.DONE)),
        change,
    )
    progressing = events.next()["status"]
    assert (progressing["status"], progressing["phase"]) == ("IN_PROGRESS", "preparing")
    assert events.next() == {"note": {"level": "WARN", "text": "waiting for the engine"}}
    assert events.next() == {
        "image": {
            "image": "alpine:3",
            "phase": "downloading",
            "currentBytes": 5,
            "totalBytes": 10,
            "layers": {"ab12": ["Downloading", 5, 10]},
        }
    }
    assert events.next() == {
        "component": {
            "componentName": "com.example.A",
            "version": "1.0.0",
            "state": "RUNNING",
            "statusCode": "NONE",
            "statusReason": "",
        }
    }
    assert events.next()["status"]["status"] == "SUCCEEDED"
    assert events.next() == "closed"
    assert served.listener_count() == 0


def test_a_subscription_to_a_finished_deployment_ends_at_once(served, client, deployment_id):
    served.deployments.records[deployment_id] = record(deployment_id, Status.FAILED, Phase.DONE)
    events, _ = client.subscribe(deployment_id)
    assert events.next()["status"]["status"] == "FAILED"
    assert events.next() == "closed"
    assert served.listener_count() == 0


def test_a_subscriber_that_leaves_is_forgotten(served, client, deployment_id, eventually):
    served.deployments.records[deployment_id] = record(deployment_id)
    events, running = client.subscribe(deployment_id)
    events.next()
    assert served.listener_count() == 4
    running.close().result(10)
    eventually(lambda: served.listener_count() == 0)


def test_subscriptions_end_with_the_server(served, client, deployment_id):
    served.deployments.records[deployment_id] = record(deployment_id)
    events, _ = client.subscribe(deployment_id)
    events.next()
    served.stop()
    assert events.next() == "closed"
    assert served.listener_count() == 0


def test_subscribing_to_an_unknown_deployment(client):
    with pytest.raises(model.ResourceNotFoundError):
        client.subscribe(UNKNOWN_ID)
