"""Commits the faults that strike at a step: answers, broken connections, silence."""

from __future__ import annotations

import asyncio
import socket
import struct

from aiohttp import web

from . import answers
from .state import State

_JUNK = b"<html><body>Please log in to the network</body></html>\x00\xff"


async def commit(
    request: web.Request, state: State, registry: str, step: str | None
) -> web.StreamResponse | None:
    """The answer instead of the right one, when a fault strikes; None: go on as usual."""
    fault = state.faults[registry]
    mode = fault.strikes(step)
    if mode is None or step is None:
        return None
    if mode == "hang":
        async with state.changed:
            await state.changed.wait_for(lambda: state.faults[registry] is not fault)
        return None
    if mode == "garbage":
        return web.Response(body=_JUNK, content_type="text/html")
    if mode == "redirect":
        return web.Response(status=307, headers={"Location": fault.location + request.path_qs})
    if mode == "reset":
        reset(request.transport)
        return web.Response(status=500)
    if mode == "eof":
        return await _end_early(request)
    return answers.refused(registry, step, mode, fault.retry_after)


def reset(transport: asyncio.BaseTransport | None) -> None:
    """End a connection with RST instead of FIN."""
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert isinstance(transport, asyncio.WriteTransport)
    transport.abort()


async def _end_early(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Length": "1000"})
    await answer.prepare(request)
    await answer.write(b'{"schemaVersion": 2, ')
    if request.transport is not None:
        request.transport.close()
    return answer
