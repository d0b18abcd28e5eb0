"""The kernel's table of IPv4 addresses as rtnetlink messages: written and read; pure.

address_table.py sends and receives them.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, interface
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_NUMBER = struct.Struct("=i")
_ERROR, _DONE = 2, 3
_NEW_ADDRESS, _DELETE_ADDRESS, _GET_ADDRESS = 20, 21, 22
_REQUEST, _ACKNOWLEDGE, _DUMP = 0x1, 0x4, 0x300
_CREATE_NEW = 0x600
_IFA_ADDRESS, _IFA_LOCAL, _IFA_LABEL = 1, 2, 3


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """An address of this host. `label` is the interface's name unless somebody gave it another."""

    interface: int
    address: str
    prefix: int
    label: str


def ask_all() -> bytes:
    """The request for every IPv4 address."""
    return _message(_GET_ADDRESS, _REQUEST | _DUMP, _ADDRESS.pack(socket.AF_INET, 0, 0, 0, 0))


def add(address: InterfaceAddress) -> bytes:
    # Of global scope: one of link scope would come before the interface's own, which Docker then
    # takes for the bridge's network when it starts again.
    flags = _REQUEST | _ACKNOWLEDGE | _CREATE_NEW
    return _message(_NEW_ADDRESS, flags, _body(address))


def remove(address: InterfaceAddress) -> bytes:
    return _message(_DELETE_ADDRESS, _REQUEST | _ACKNOWLEDGE, _body(address))


def read(data: bytes) -> tuple[list[InterfaceAddress], bool]:
    """The addresses in an answer, and whether it is over. OSError when the kernel says so."""
    found: list[InterfaceAddress] = []
    for kind, body in _messages(data):
        if kind == _DONE:
            return found, True
        if kind == _ERROR:
            number = -_NUMBER.unpack_from(body)[0]
            if number:
                raise OSError(number, "the kernel refused")
            return found, True
        if kind == _NEW_ADDRESS and (address := _address(body)) is not None:
            found.append(address)
    return found, False


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _flags, _sequence, _port = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        yield kind, data[offset + _HEADER.size : offset + length]
        offset += (length + 3) & ~3


def _address(body: bytes) -> InterfaceAddress | None:
    if len(body) < _ADDRESS.size:
        return None
    family, prefix, _flags, _scope, interface = _ADDRESS.unpack_from(body)
    values = dict(_attributes(body[_ADDRESS.size :]))
    raw = values.get(_IFA_LOCAL) or values.get(_IFA_ADDRESS)
    if family != socket.AF_INET or raw is None or len(raw) != 4:
        return None
    label = values.get(_IFA_LABEL, b"").rstrip(b"\0").decode(errors="replace")
    return InterfaceAddress(interface, socket.inet_ntoa(raw), prefix, label)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            return
        yield kind, data[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3


def _body(address: InterfaceAddress) -> bytes:
    raw = socket.inet_aton(address.address)
    head = _ADDRESS.pack(socket.AF_INET, address.prefix, 0, 0, address.interface)
    label = address.label.encode() + b"\0"
    pairs = ((_IFA_LOCAL, raw), (_IFA_ADDRESS, raw), (_IFA_LABEL, label))
    return head + b"".join(_attribute(kind, value) for kind, value in pairs)


def _attribute(kind: int, value: bytes) -> bytes:
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + b"\0" * (-length % 4)


def _message(kind: int, flags: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, 1, 0) + body
