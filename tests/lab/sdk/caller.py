"""The two generations of the official IPC client behind one face, for programs in the SDK image.

`call` answers or raises what the client raises; `subscribe` gives a stream whose events can be
waited for. Needs nothing but the official SDK.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

from awsiot.greengrasscoreipc import client as client_module
from awsiot.greengrasscoreipc import connect, model
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

WAIT_S = 30.0
_CLASSES = {name.lower(): found for name, found in vars(model).items() if isinstance(found, type)}


class Stream:
    """An open subscription. A closed one gives None, a failed one its error."""

    def __init__(self) -> None:
        self.events: queue.Queue[Any] = queue.Queue()
        self.close: Callable[[], object] = lambda: None

    def next(self) -> Any:
        return self.events.get(timeout=WAIT_S)

    def is_silent(self, seconds: float = 0.5) -> bool:
        """Whether nothing comes for a while."""
        try:
            self.events.get(timeout=seconds)
        except queue.Empty:
            return True
        return False

    def failed(self, error: Exception) -> bool:
        self.events.put(error)
        return True

    def ended(self) -> None:
        self.events.put(None)


class V1:
    """Operation objects, which are activated and asked for their response."""

    name = "V1"

    def __init__(self) -> None:
        self._client = connect(timeout=WAIT_S)

    def call(self, name: str, **members: Any) -> Any:
        operation = getattr(self._client, f"new_{name}")()
        operation.activate(_request(name, members)).result(WAIT_S)
        return operation.get_response().result(WAIT_S)

    def subscribe(self, name: str, **members: Any) -> Stream:
        stream = Stream()
        words = name.replace("_", "")
        base = next(
            found
            for known, found in vars(client_module).items()
            if known.lower() == f"{words}streamhandler"
        )
        methods = {
            "on_stream_event": lambda _, event: stream.events.put(event),
            "on_stream_error": lambda _, error: stream.failed(error),
            "on_stream_closed": lambda _: stream.ended(),
        }
        operation = getattr(self._client, f"new_{name}")(type("Handler", (base,), methods)())
        operation.activate(_request(name, members)).result(WAIT_S)
        operation.get_response().result(WAIT_S)
        stream.close = lambda: operation.close().result(WAIT_S)
        return stream

    def close(self) -> None:
        self._client.close().result(WAIT_S)


class V2:
    """One method for each operation."""

    name = "V2"

    def __init__(self) -> None:
        self._client = GreengrassCoreIPCClientV2()

    def call(self, name: str, **members: Any) -> Any:
        return getattr(self._client, f"{name}_async")(**members).result(WAIT_S)

    def subscribe(self, name: str, **members: Any) -> Stream:
        stream = Stream()
        answer, operation = getattr(self._client, f"{name}_async")(
            on_stream_event=stream.events.put,
            on_stream_error=stream.failed,
            on_stream_closed=stream.ended,
            **members,
        )
        answer.result(WAIT_S)
        stream.close = lambda: operation.close().result(WAIT_S)
        return stream

    def close(self) -> None:
        self._client.close()


def _request(name: str, members: dict[str, Any]) -> Any:
    return _CLASSES[f"{name.replace('_', '')}request"](**members)
