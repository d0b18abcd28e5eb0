"""The broker gives each message to exactly the subscriptions that are to have it."""

from __future__ import annotations

import base64
import json

import pytest

from greendock.ipc.errors import OperationError
from greendock.ipc.eventstream import MAX_MESSAGE, Decoder
from greendock.ipc.pubsub.broker import MAX_ROUTES, Kind, LocalPubSub, ReceiveMode

A, B = "com.example.A", "com.example.B"


class Inbox:
    """A sink that keeps what it gets; `slow` takes nothing."""

    def __init__(self, *, slow: bool = False) -> None:
        self.got: list[dict] = []
        self.frames: list[bytes] = []
        self.slow = slow

    def send_shared(self, event) -> bool:
        if not self.slow:
            self.got.append(json.loads(event.payload))
            self.frames.append(event.frame("aws.greengrass#SubscriptionResponseMessage", 1))
        return not self.slow


def text(value):
    return {"jsonMessage": {"message": {"text": value}}}


def test_a_message_and_its_topic_arrive():
    broker, inbox = LocalPubSub(), Inbox()
    broker.subscribe(B, "a/b", inbox)
    assert broker.publish(A, "a/b", text("hi")) == 1
    assert inbox.got == [{"jsonMessage": {"message": {"text": "hi"}, "context": {"topic": "a/b"}}}]


def test_binary_content_is_base64_text_or_bytes():
    broker, inbox = LocalPubSub(), Inbox()
    broker.subscribe(B, "t", inbox)
    broker.publish(A, "t", {"binaryMessage": {"message": "AAH/"}})
    broker.publish(A, "t", {"binaryMessage": {"message": b"\x00\x01\xff"}})
    assert base64.b64decode(inbox.got[0]["binaryMessage"]["message"]) == b"\x00\x01\xff"
    assert inbox.got[0] == inbox.got[1]


def test_a_message_without_content_has_only_its_topic():
    broker, inbox = LocalPubSub(), Inbox()
    broker.subscribe(B, "t", inbox)
    broker.publish(A, "t", {"binaryMessage": {}})
    assert inbox.got == [{"binaryMessage": {"context": {"topic": "t"}}}]


def test_the_context_of_the_sender_is_replaced():
    broker, inbox = LocalPubSub(), Inbox()
    broker.subscribe(B, "t", inbox)
    broker.publish(A, "t", {"jsonMessage": {"message": {}, "context": {"topic": "lie"}}})
    assert inbox.got[0]["jsonMessage"]["context"] == {"topic": "t"}


@pytest.mark.parametrize(
    ("topic", "mode", "own"),
    [
        ("a/b", None, True),
        ("a/+", None, False),
        ("a/#", None, False),
        ("a/b", ReceiveMode.ALL, True),
        ("a/#", ReceiveMode.ALL, True),
        ("a/b", ReceiveMode.FROM_OTHERS, False),
        ("a/+", ReceiveMode.FROM_OTHERS, False),
    ],
)
def test_whose_messages_arrive(topic, mode, own):
    broker, inbox = LocalPubSub(), Inbox()
    broker.subscribe(A, topic, inbox, mode)
    assert broker.publish(B, "a/b", text("other")) == 1
    assert broker.publish(A, "a/b", text("own")) == int(own)
    assert len(inbox.got) == 1 + own


def test_each_subscription_gets_a_copy_and_ends_alone():
    broker, inbox = LocalPubSub(), Inbox()
    end = broker.subscribe(B, "a/+", inbox)
    broker.subscribe(B, "a/+", inbox)
    broker.subscribe(B, "a/b", inbox)
    assert broker.publish(A, "a/b", text("x")) == 3
    end()
    end()
    assert broker.publish(A, "a/b", text("x")) == 2
    assert not broker.is_idle


def test_nobody_listening_is_no_failure_and_nothing_is_kept():
    broker, inbox = LocalPubSub(), Inbox()
    assert broker.publish(A, "a", text("early")) == 0
    end = broker.subscribe(B, "a", inbox)
    end()
    assert broker.publish(A, "a", text("late")) == 0
    assert inbox.got == []
    assert broker.is_idle


def test_a_subscription_counts_for_topics_already_published_to():
    broker, inbox = LocalPubSub(), Inbox()
    broker.publish(A, "a/b", text("before"))
    broker.subscribe(B, "a/#", inbox)
    assert broker.publish(A, "a/b", text("after")) == 1


def test_what_is_remembered_of_topics_is_bounded():
    broker = LocalPubSub()
    for number in range(3 * MAX_ROUTES):
        broker.publish(A, f"a/{number}", text("x"))
    assert len(broker._routes) <= MAX_ROUTES


def test_a_slow_subscriber_is_passed_over():
    broker, slow, quick = LocalPubSub(), Inbox(slow=True), Inbox()
    broker.subscribe(B, "t", slow)
    broker.subscribe(B, "t", quick)
    assert broker.publish(A, "t", text("x")) == 1
    assert len(quick.got) == 1


def test_parts_of_the_core_can_listen():
    broker, got = LocalPubSub(), []
    end = broker.listen("aws.greengrass.ShadowManager", "a/+", got.append)
    broker.publish(A, "a/b", text("x"))
    end()
    broker.publish(A, "a/b", text("y"))
    assert got == [{"jsonMessage": {"message": {"text": "x"}, "context": {"topic": "a/b"}}}]


def test_a_part_of_the_core_that_fails_harms_nobody(caplog):
    broker, inbox = LocalPubSub(), Inbox()

    def fail(_event):
        raise ValueError("wrong")

    broker.listen(B, "t", fail)
    broker.subscribe(B, "t", inbox)
    assert broker.publish(A, "t", text("x")) == 2
    assert len(inbox.got) == 1
    assert "a listener of the core failed" in caplog.text


def test_subscribers_share_a_frame_that_is_right_for_each():
    from greendock.ipc import rpc
    from greendock.ipc.shared_event import SharedEvent

    event = SharedEvent(b'{"binaryMessage":{}}')
    for stream in (1, 1, 2, 1, 7):
        for model in ("aws.greengrass#SubscriptionResponseMessage", "aws.greengrass#Other"):
            [message] = Decoder().feed(event.frame(model, stream))
            assert rpc.envelope(message) == (0, 0, stream, None, model)
            assert message.payload == event.payload


@pytest.mark.parametrize("message", [{}, {"other": {}}, {"jsonMessage": {"message": {"a": {1}}}}])
def test_what_is_no_message_is_refused(message):
    broker = LocalPubSub()
    broker.subscribe(B, "t", Inbox())
    with pytest.raises(OperationError) as caught:
        broker.publish(A, "t", message)
    assert caught.value.model == "aws.greengrass#InvalidArgumentsError"


def test_numbers_that_json_lacks_are_refused_to_the_publisher():
    """`1e999` reads as infinity, which no subscriber could read again."""
    broker, inbox = LocalPubSub(), Inbox()
    broker.subscribe(B, "t", inbox)
    with pytest.raises(OperationError):
        broker.publish(A, "t", {"jsonMessage": {"message": {"a": float("inf")}}})
    assert inbox.got == []


def test_a_message_that_fits_no_frame_is_refused_to_the_publisher():
    broker, inbox = LocalPubSub(), Inbox()
    broker.subscribe(B, "t", inbox)
    content = b'"' + b"A" * MAX_MESSAGE + b'"'
    with pytest.raises(OperationError, match="more than a frame"):
        broker.publish_content(A, "t", Kind.BINARY, content)
    content = b'"' + b"A" * (MAX_MESSAGE - 2048) + b'"'
    assert broker.publish_content(A, "t", Kind.BINARY, content) == 1
    [message] = Decoder().feed(inbox.frames[0])
    assert len(message.payload) > len(content)
