"""A client of the IPC server that is no client: a plain socket, for frames good and bad."""

from __future__ import annotations

import socket
from pathlib import Path

from greendock.ipc import rpc
from greendock.ipc.eventstream import Decoder, Message

_DEADLINE_S = 10.0


class RawClient:
    """A plain socket that speaks frames, or anything else a test wants to send."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(_DEADLINE_S)
        self.socket.connect(str(path))
        self._decoder = Decoder()
        self._messages: list[Message] = []

    def send(self, *frames: bytes) -> None:
        self.socket.sendall(b"".join(frames))

    def receive(self) -> Message | None:
        """The next message; None when the server hung up."""
        while not self._messages:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._messages += self._decoder.feed(data)
        return self._messages.pop(0)

    def greet(self, token: str) -> RawClient:
        self.send(rpc.connect(token))
        answer = self.receive()
        assert answer is not None
        assert rpc.envelope(answer)[:3] == (rpc.CONNECT_ACK, rpc.CONNECTION_ACCEPTED, 0)
        return self

    def close(self) -> None:
        self.socket.close()
