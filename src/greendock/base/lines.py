"""Bytes of output into lines of text, the same for scripts and for containers.

Pure. Splits at LF and CR as Greengrass does, cuts lines that exceed a bound, and replaces bytes
that aren't UTF-8; loses nothing. Fed from pipes of scripts and from logs of containers.
"""

from __future__ import annotations

LINE_LIMIT_BYTES = 64 * 1024


class LineSplitter:
    """Collects chunks and gives back the complete lines, without their ends."""

    def __init__(self, limit_bytes: int = LINE_LIMIT_BYTES) -> None:
        self._limit = max(limit_bytes, 8)
        self._rest = b""
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that `chunk` completes."""
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_cr = False
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *complete, rest = (self._rest + chunk).split(b"\n")
        lines: list[str] = []
        for line in complete:
            while len(line) > self._limit:
                head, line = self._cut(line)
                lines.append(_text(head))
            lines.append(_text(line))
        while len(rest) > self._limit:
            head, rest = self._cut(rest)
            lines.append(_text(head))
        self._rest = rest
        return lines

    def finish(self) -> list[str]:
        """The last line, when it has no end."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []

    def _cut(self, line: bytes) -> tuple[bytes, bytes]:
        end = self._limit
        # Step back over at most three continuation bytes, so that no character is torn.
        for back in range(4):
            if line[end - back] & 0xC0 != 0x80:
                end -= back
                break
        return line[:end], line[end:]


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")
