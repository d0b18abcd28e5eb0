"""The engine's events of containers, as a test hears them: read in a thread, counted, awaited."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TARGET = "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D"


@dataclass(frozen=True)
class Event:
    """`action`: create, start, die, destroy, exec_create, … `part`: as in `kinds.py`."""

    action: str
    container: str
    part: str
    image: str


class EngineEvents:
    """Listens from its construction to `close`. `heard` is called in the thread of it."""

    def __init__(self, path: Path, heard: Callable[[Event], None] = lambda event: None) -> None:
        self.events: list[Event] = []
        self._heard = heard
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(path))
        self._socket.sendall(f"GET {_TARGET} HTTP/1.0\r\nHost: lab\r\n\r\n".encode())
        self._file = self._socket.makefile("rb")
        # The engine listens once it has answered.
        while self._file.readline().strip():
            pass
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._file.close()
        self._socket.close()

    def of(self, action: str, part: str) -> list[Event]:
        return [x for x in list(self.events) if (x.action, x.part) == (action, part)]

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in self._file:
                if line.strip():
                    event = _read_event(json.loads(line))
                    self.events.append(event)
                    self._heard(event)


def _read_event(event: dict[str, Any]) -> Event:
    attributes = event["Actor"]["Attributes"]
    part = attributes.get("com.docker.compose.service") or attributes.get("name", "")
    action = event["Action"].partition(":")[0]
    return Event(action, event["Actor"]["ID"], part, attributes.get("image", ""))
