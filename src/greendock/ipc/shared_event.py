"""One event that goes to many subscribers: encoded once, and its frame once per stream id.

Pure. Made by the brokers behind subscriptions, written by stream.py. Subscribers mostly have the
same few stream ids, each on its own connection, so most of them share a frame.
"""

from __future__ import annotations

from greendock.ipc import rpc


class SharedEvent:
    """`payload`: the JSON of the event union."""

    __slots__ = ("_frame", "_model", "_stream", "payload")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self._stream = 0
        self._model = ""
        self._frame = b""

    def frame(self, model: str, stream: int) -> bytes:
        """EventStreamError when it is too large for a frame."""
        if stream != self._stream or model != self._model:
            self._frame = rpc.event(stream, model, self.payload)
            self._stream, self._model = stream, model
        return self._frame
