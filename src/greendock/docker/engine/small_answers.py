"""One question to an engine's Unix socket, and its whole answer: HTTP/1.1 without a library.

For a core that asks the engine now and then: the HTTP client costs it 12 MB of memory. Sends no
body and keeps no connection. Raises OSError, and CutShortError for an answer that is none or ended
too early. Called by the engine's connection until that has the library loaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

_WITHOUT_BODY = (204, 304)


class CutShortError(Exception):
    """The answer ended before it was whole, or is not HTTP."""


@dataclass(frozen=True, slots=True)
class SmallAnswer:
    """Status, headers by lower-case name, and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def get(socket_path: str, path: str, params: Mapping[str, str] | None) -> SmallAnswer:
    """The answer to a GET. The caller limits the time."""
    target = quote(path, safe="/%:@!$&'()*+,;=~")
    if params:
        target += f"?{urlencode(params)}"
    reader, writer = await asyncio.open_unix_connection(socket_path)
    try:
        request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        await writer.drain()
        return await read_answer(reader)
    finally:
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> SmallAnswer:
    """The next answer of a connection; whether the engine ends that afterwards doesn't matter."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").rstrip().split("\r\n")
        version, _, status = status_line.partition(" ")
        if not version.startswith("HTTP/1."):
            raise CutShortError
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        return SmallAnswer(int(status[:3]), headers, await _body(int(status[:3]), headers, reader))
    except (EOFError, ValueError, asyncio.LimitOverrunError) as error:
        raise CutShortError from error


async def _body(status: int, headers: Mapping[str, str], reader: asyncio.StreamReader) -> bytes:
    if status in _WITHOUT_BODY:
        return b""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return b"".join([chunk async for chunk in _chunks(reader)])
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    return await reader.read()


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readexactly(len(b"\r\n"))
