"""The handshake of a client with the core's IPC socket, and nothing more."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from greendock.ipc import rpc
from greendock.ipc.eventstream import Decoder

_TIMEOUT_S = 10.0


def is_accepted(path: Path, token: str) -> bool:
    """Whether the core takes this token at the socket `path`."""
    # By way of the open folder, since a socket's own path may be too long to connect to.
    folder = os.open(path.parent, os.O_PATH)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(_TIMEOUT_S)
            client.connect(f"/proc/self/fd/{folder}/{path.name}")
            client.sendall(rpc.connect(token))
            decoder = Decoder()
            while data := client.recv(65536):
                for message in decoder.feed(data):
                    return rpc.envelope(message).flags == rpc.CONNECTION_ACCEPTED
    finally:
        os.close(folder)
    raise AssertionError("the core hung up without a word")
