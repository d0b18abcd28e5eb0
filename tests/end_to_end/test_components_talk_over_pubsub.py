"""Deployed components publish and subscribe with their tokens, as their configuration allows."""

from __future__ import annotations

import json
import queue

import awsiot.greengrasscoreipc
import pytest
from awsiot.greengrasscoreipc import model
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from device import Component

from lab.waiting import wait_until

A, B = "com.example.Talker", "com.example.Ear"
KEEP_TOKEN = 'printf %s "$SVCUID" > token.new && mv token.new token && exec sleep 100000'
PUBSUB = "aws.greengrass.ipc.pubsub"


def control(*resources):
    return {PUBSUB: {"p": {"operations": ["*"], "resources": list(resources)}}}


def talker(name, *resources, form=lambda value: value):
    configuration = {"accessControl": form(control(*resources))}
    return Component(name, {"Run": KEEP_TOKEN}, configuration=configuration)


@pytest.fixture
def connect(device):
    clients = []

    def open_client(name):
        token = device.work(name) / "token"
        wait_until(token.exists, lambda: f"{name} keeps its token\n{device.core.tail()}")
        connection = awsiot.greengrasscoreipc.connect(
            ipc_socket=str(device.core.root / "ipc.socket"), authtoken=token.read_text()
        )
        clients.append(GreengrassCoreIPCClientV2(connection))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close().exception(10)


def say(client, topic, text):
    message = model.PublishMessage(json_message=model.JsonMessage(message={"text": text}))
    client.publish_to_topic(topic=topic, publish_message=message)


@pytest.mark.parametrize("form", [lambda value: value, json.dumps], ids=["object", "text"])
def test_messages_go_from_one_to_the_other_and_a_deployment_changes_who_may(device, connect, form):
    device.deploy(talker(A, "a/*", form=form), talker(B, "a/#", form=form))
    a, b, heard = connect(A), connect(B), queue.Queue()
    b.subscribe_to_topic(topic="a/#", on_stream_event=heard.put)
    say(a, "a/b", "hello")
    event = heard.get(timeout=10).json_message
    assert (event.message, event.context.topic) == ({"text": "hello"}, "a/b")
    with pytest.raises(model.UnauthorizedError):
        say(a, "other", "no")
    line = device.wait_line("greengrass", "PublishToTopic on resource other")
    remedy, _ = json.JSONDecoder().raw_decode(line.partition("this would allow it: ")[2])
    change = {"MERGE": {"accessControl": form(remedy["accessControl"])}}
    device.change("--update-config", json.dumps({A: change}))
    changed = connect(A)
    say(changed, "other", "yes")
    if form is json.dumps:  # a text is replaced, an object is merged
        with pytest.raises(model.UnauthorizedError):
            say(changed, "a/b", "no longer")
