"""HTTP over a unix socket, for the lab's own calls to engine, registries and control.

Synchronous and small: one request, one connection. It is not the client that is under test.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers by lower-case name, and the whole body of one answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def call(
    path: Path,
    method: str,
    target: str,
    body: Any = None,
    *,
    content_type: str | None = None,
    timeout_s: float = 30,
) -> Answer:
    """One request to the socket at `path`. A body that isn't bytes is sent as JSON."""
    headers = {}
    if body is not None and not isinstance(body, bytes):
        body, content_type = json.dumps(body).encode(), "application/json"
    if content_type is not None:
        headers["Content-Type"] = content_type
    connection = _Connection(path, timeout_s)
    try:
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, response.read())
    finally:
        connection.close()
