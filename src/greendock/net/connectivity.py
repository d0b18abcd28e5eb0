"""Wakes whoever waits for the network, as soon as the kernel says that something changed.

Listens to the kernel's news of addresses and routes (rtnetlink), so that a retry in the middle of
a long pause happens when the cable is back and not half an hour later. Where the kernel gives no
such news the pause simply runs out.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from greendock.net.rtnetlink import brings_network

_GROUPS = 0x10 | 0x40 | 0x100 | 0x400  # IPv4 and IPv6: addresses and routes
_READ_BYTES = 65536
_SETTLE_S = 0.5
"""Addresses, routes and name servers come one after another."""


class Connectivity:
    """News of the network. `start` it in the event loop that waits; `close` it at the end."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._changed = asyncio.Event()
        self._closed = False
        self._listeners: list[Callable[[], None]] = []
        self._hopeful: list[Callable[[], None]] = []

    def start(self) -> None:
        """Begin to listen; does nothing where the kernel has no rtnetlink, and may be repeated."""
        if self._closed or self._socket is not None or not hasattr(socket, "AF_NETLINK"):
            return
        opened: socket.socket | None = None
        try:
            opened = socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
            )
            opened.setblocking(False)
            opened.bind((0, _GROUPS))
            asyncio.get_running_loop().add_reader(opened, self._read, opened)
        except OSError:
            if opened is not None:
                opened.close()
            return
        self._socket = opened

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` at any news of addresses and routes; gives back what ends that."""
        return self._add(self._listeners, listener)

    def listen_for_network(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when there may be a network now; gives back what ends that."""
        return self._add(self._hopeful, listener)

    def _add(
        self, listeners: list[Callable[[], None]], listener: Callable[[], None]
    ) -> Callable[[], None]:
        self.start()
        listeners.append(listener)

        def end() -> None:
            if listener in listeners:
                listeners.remove(listener)

        return end

    async def pause(self, seconds: float) -> bool:
        """Wait `seconds`, or until the network changed; whether it did."""
        self.start()
        self._changed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        await asyncio.sleep(min(_SETTLE_S, seconds))
        return True

    def close(self) -> None:
        """End it for good: a pause from now on just runs out."""
        self._closed = True
        opened, self._socket = self._socket, None
        if opened is not None:
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop().remove_reader(opened)
            opened.close()

    def _read(self, opened: socket.socket) -> None:
        try:
            while news := opened.recv(_READ_BYTES):
                self._tell(brings_network(news))
        except BlockingIOError:
            return
        except OSError:  # ENOBUFS: so much news that some was dropped
            self._tell(True)

    def _tell(self, brings: bool) -> None:
        if brings:
            self._changed.set()
        for listener in (*self._listeners, *(self._hopeful if brings else ())):
            listener()
