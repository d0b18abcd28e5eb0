"""Reads the kernel's news of addresses and routes: does it mean that there may be a network now?

Pure. Containers come and go with link-local addresses and their routes: those say nothing, or a
container that restarts in a loop would end every pause. Called by connectivity.py.
"""

from __future__ import annotations

import socket
import struct

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, interface
_ROUTE = struct.Struct("=BBBBBBBBI")
# family, lengths of destination and source, TOS, table, protocol, scope, type, flags
_NEW_ADDRESS = 20
_NEW_ROUTE = 24
_UNIVERSE = 0
_MAIN_TABLE = 254
_UNICAST = 1


def brings_network(news: bytes) -> bool:
    """Whether one of the messages tells of a global address, an IPv4 route or a default route."""
    offset = 0
    while offset + _HEADER.size <= len(news):
        length, kind, _flags, _sequence, _port = _HEADER.unpack_from(news, offset)
        if length < _HEADER.size:
            break
        if _is_wanted(kind, news[offset + _HEADER.size : offset + length]):
            return True
        offset += (length + 3) & ~3
    return False


def _is_wanted(kind: int, body: bytes) -> bool:
    if kind == _NEW_ADDRESS and len(body) >= _ADDRESS.size:
        _family, _length, _flags, scope, _interface = _ADDRESS.unpack_from(body)
        return bool(scope == _UNIVERSE)
    if kind == _NEW_ROUTE and len(body) >= _ROUTE.size:
        route = _ROUTE.unpack_from(body)
        family, length, table, form = route[0], route[1], route[4], route[7]
        if form != _UNICAST or table != _MAIN_TABLE:
            return False
        return bool(family == socket.AF_INET or length == 0)
    return False
