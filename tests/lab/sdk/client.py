"""What the SDK image runs: the official clients, told by arguments what to do.

`wait` does nothing until it is told to end; `introduce` connects and says as whom, and which
access key boto3 gets; `publish TOPIC TEXT` publishes again and again; `subscribe TOPIC` says what
comes in. Each thing that happens is one line, `WHAT: TEXT`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

_AGAIN_S = 0.5
_ended = threading.Event()


def say(what: str, text: object) -> None:
    print(f"{what}: {text}", flush=True)


def client() -> Any:
    from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

    return GreengrassCoreIPCClientV2()


def wait() -> None:
    say("waits", os.getuid())
    _ended.wait()


def introduce() -> None:
    _ipc()
    _credentials()


def _ipc() -> None:
    """A component may not list all others; the refusal names whom the core takes it for."""
    from awsiot.greengrasscoreipc.model import UnauthorizedError

    try:
        connected = client()
    except Exception as error:
        say("refused", type(error).__name__)
        return
    try:
        connected.list_components()
        say("connected", "allowed")
    except UnauthorizedError as error:
        say("connected", error.message)
    finally:
        connected.close()


def publish(topic: str, text: str) -> None:
    from awsiot.greengrasscoreipc.model import BinaryMessage, PublishMessage

    connected = client()
    message = PublishMessage(binary_message=BinaryMessage(message=text.encode()))
    while not _ended.wait(_AGAIN_S):
        connected.publish_to_topic(topic=topic, publish_message=message)
        say("published", text)


def subscribe(topic: str) -> None:
    def received(event: Any) -> None:
        say("received", event.binary_message.message.decode())

    connected = client()
    connected.subscribe_to_topic(topic=topic, on_stream_event=received)
    say("subscribed", topic)
    _ended.wait()


def _credentials() -> None:
    import boto3

    try:
        found = boto3.Session().get_credentials()
        say("credentials", found.get_frozen_credentials().access_key if found else None)
    except Exception as error:
        say("no credentials", error)


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _ended.set())
    work = {x.__name__: x for x in (wait, introduce, publish, subscribe)}
    work[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
