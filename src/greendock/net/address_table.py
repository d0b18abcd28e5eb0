"""Asks the kernel for this host's IPv4 addresses, and changes them, where it may.

A question to the kernel takes a fraction of a millisecond, so these are plain calls. No `ip`
command is needed.
"""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from greendock.net.interface_addresses import InterfaceAddress, add, ask_all, read, remove

_READ_BYTES = 1 << 18
_TIMEOUT_S = 2.0
_LISTENING = "0A"
_TCP_TABLE = Path("/proc/net/tcp")


class AddressTable:
    """Every method raises OSError; PermissionError where this process may not."""

    def all(self) -> list[InterfaceAddress]:
        return self._exchange(ask_all())

    def add(self, address: InterfaceAddress) -> None:
        """An address that is there already is fine."""
        try:
            self._exchange(add(address))
        except FileExistsError:
            return

    def remove(self, address: InterfaceAddress) -> None:
        """One that is gone already is fine, as is an interface that is."""
        try:
            self._exchange(remove(address))
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.ENODEV):
                raise

    def has_listener(self, address: str) -> bool:
        """Whether any process of this host listens on exactly this address."""
        wanted = f"{socket.inet_aton(address)[::-1].hex().upper()}:"
        lines = _TCP_TABLE.read_text(encoding="ascii").splitlines()[1:]
        rows = (line.split() for line in lines)
        return any(row[1].startswith(wanted) and row[3] == _LISTENING for row in rows)

    def _exchange(self, request: bytes) -> list[InterfaceAddress]:
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC
        with socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE) as channel:
            channel.settimeout(_TIMEOUT_S)
            channel.bind((0, 0))
            channel.send(request)
            found: list[InterfaceAddress] = []
            over = False
            while not over:
                part, over = read(channel.recv(_READ_BYTES))
                found += part
            return found


def interface_name(index: int) -> str:
    """An empty text for one that is gone."""
    try:
        return socket.if_indextoname(index)
    except OSError:
        return ""
