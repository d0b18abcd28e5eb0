"""Messages that came, as lines for people and as JSON objects.

Pure: takes the events of SubscribeToTopic and SubscribeToIoTCore apart and decides how a message
is shown. Called by listen.py.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from math import isfinite
from typing import Any, NamedTuple

from greendock.cli.output import compact


class Received(NamedTuple):
    """One message: what is printed of it, and what --json prints."""

    payload: bytes
    members: dict[str, Any]


Reader = Callable[[dict[str, Any]], Received]


def local_message(event: dict[str, Any]) -> Received:
    """An event of SubscribeToTopic. A JSON message is shown as compact JSON."""
    if "jsonMessage" in event:
        message = event["jsonMessage"]
        document = _finite(message.get("message"))
        # Halves of surrogate pairs have no UTF-8; as escapes they are the same JSON.
        payload = compact(document).encode(errors="backslashreplace")
        return Received(payload, {"topic": _topic(message), "json": document})
    message = event.get("binaryMessage", {})
    payload = base64.b64decode(message.get("message") or "")
    return Received(payload, {"topic": _topic(message), **_content(payload)})


def mqtt_message(event: dict[str, Any]) -> Received:
    """An event of SubscribeToIoTCore."""
    rest = dict(event.get("message", {}))
    payload = base64.b64decode(rest.pop("payload", None) or "")
    return Received(payload, {"topic": rest.pop("topicName", None), **_content(payload), **rest})


def _topic(message: dict[str, Any]) -> Any:
    return (message.get("context") or {}).get("topic")


def _finite(value: Any) -> Any:
    """JSON has no infinity, but numbers such as 1e400 that Python reads as one: null for them."""
    if isinstance(value, dict):
        return {name: _finite(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_finite(member) for member in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _content(payload: bytes) -> dict[str, str]:
    """As text where it is text."""
    try:
        return {"text": payload.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(payload).decode()}
