"""The only way out of the lab: an HTTP proxy that knows CONNECT and the lab's host names.

A host that the lab doesn't have is answered with 502, so nothing leaves the machine. Every
request is logged: that is the proof that the engine used its proxy.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib

from .addresses import local_port
from .commit import reset
from .state import State

_PIECE_BYTES = 65536
_LOGIN = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
    b'Proxy-Authenticate: Basic realm="lab"\r\nContent-Length: 0\r\n\r\n'
)
_NO_HOST = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"


class Proxy:
    """Handles the proxy's connections."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client connection; a client that breaks off or talks nonsense just ends it."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            port = await self._admit(reader, writer)
            if port is not None:
                await _tunnel(reader, writer, port)
        writer.close()

    async def _admit(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> int | None:
        """Read the request's head and answer it; the port to connect to when it is granted."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {k.strip().lower(): v.strip() for k, _, v in (x.partition(":") for x in lines)}
        status, port = self._decide(method, target, headers.get("proxy-authorization"))
        self._state.record("proxy", method=method, path=target, status=status)
        if status == 200:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return port
        writer.write(_LOGIN if status == 407 else _NO_HOST)
        await writer.drain()
        return None

    def _decide(self, method: str, target: str, login: str | None) -> tuple[int, int | None]:
        wanted = self._state.settings.proxy_credentials
        if wanted and login != "Basic " + base64.b64encode(wanted.encode()).decode():
            return 407, None
        port = local_port(target) if method == "CONNECT" else None
        return (502, None) if port is None else (200, port)


async def _tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_pass_on(reader, far_writer))
            group.create_task(_pass_on(far_reader, writer))
    finally:
        far_writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(_PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
    except ConnectionResetError:
        reset(writer.transport)
    except OSError:
        pass
