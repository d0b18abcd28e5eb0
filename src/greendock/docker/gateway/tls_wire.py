"""A wire with TLS over a socket, for engines at tcp:// addresses with certificates.

asyncio's own TLS can't end one direction alone, which an attached standard input needs: the
close_notify alert goes out here while reading goes on. Called by the upstream.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress

from greendock.docker.gateway.wire import PIECE_BYTES, SocketWire


class TlsWire:
    """Client side of TLS. One reader and one writer at a time."""

    def __init__(self, below: SocketWire, context: ssl.SSLContext, host: str) -> None:
        self._below = below
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._sending = asyncio.Lock()
        self._has_ended = False

    async def shake_hands(self) -> None:
        """Raises OSError (ssl.SSLError is one)."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            else:
                await self._flush()
                return

    async def read(self) -> bytes:
        while True:
            try:
                return self._tls.read(PIECE_BYTES)
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._fill():
                    raise ConnectionResetError("the connection ended without a word") from None
            except ssl.SSLZeroReturnError:
                return b""

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = self._tls.write(view[:PIECE_BYTES])
            view = view[written:]
            await self._flush()

    async def end_writing(self) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        with suppress(OSError):
            # Says that it wants to read the peer's own end, which is `read`'s to find.
            with suppress(ssl.SSLError):
                self._tls.unwrap()
            await self._flush()

    @property
    def is_idle(self) -> bool:
        """What TLS itself has to say (session tickets) is no data."""
        if self._has_ended:
            return False
        with suppress(BlockingIOError):
            try:
                data = self._below.socket.recv(PIECE_BYTES)
            except BlockingIOError:
                raise
            except OSError:
                return False
            if not data:
                return False
            self._incoming.write(data)
        try:
            self._tls.read(1)
        except ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        return False

    @property
    def is_closed_by_peer(self) -> bool:
        return self._below.is_closed_by_peer

    def abort(self) -> None:
        self._below.abort()

    def close(self) -> None:
        self._below.close()

    async def _fill(self) -> bool:
        data = await self._below.read()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return bool(data)

    async def _flush(self) -> None:
        async with self._sending:
            if self._outgoing.pending:
                await self._below.write(self._outgoing.read())
