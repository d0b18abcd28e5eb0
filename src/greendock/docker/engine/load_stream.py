"""Reads what the engine says while it loads an image archive: which images were in it; pure.

Docker answers with JSON lines, `{"stream": "Loaded image: NAME:TAG\\n"}` or `Loaded image ID:
sha256:…`; Podman with `Loaded image: NAME` or `Loaded image(s): A,B` in the same form. Seen on
Docker 20.10 and Podman 4.3.
"""

from __future__ import annotations

import re

import msgspec

_LOADED = re.compile(r"Loaded image(?:\(s\)| ID)?: *(?P<names>\S.*)")


class _Error(msgspec.Struct):
    message: str = ""


class _Line(msgspec.Struct):
    stream: str = ""
    error: str = ""
    error_detail: _Error | None = msgspec.field(name="errorDetail", default=None)


class LoadedNames:
    """Folds the pieces of one answer."""

    def __init__(self) -> None:
        self._rest = b""
        self._names: list[str] = []
        self._error: str | None = None

    def add(self, piece: bytes) -> None:
        """Take in a piece of the body, wherever it was cut."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._read(line)

    def end(self) -> tuple[tuple[str, ...], str | None]:
        """Names or ids of the loaded images, each once, and the engine's error if any."""
        self._read(self._rest)
        self._rest = b""
        return tuple(dict.fromkeys(self._names)), self._error

    def _read(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            wire = msgspec.json.decode(line, type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        detail = wire.error_detail.message if wire.error_detail else ""
        self._error = self._error or detail or wire.error or None
        for part in wire.stream.splitlines():
            found = _LOADED.match(part.strip())
            if found is not None:
                self._names += [n.strip() for n in found["names"].split(",") if n.strip()]
