"""The address by which containers reach the credential endpoint, decided; pure.

169.254.170.2 is the one that AWS's SDKs take over plain HTTP besides loopback. The host owns it on
Docker's default bridge; containers of every bridge network reach it through their gateway. Linux
answers for it on all interfaces, so `admits` looks where a peer is.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from greendock.net.interface_addresses import InterfaceAddress
from greendock.token_exchange.ports import Bridges

ADDRESS = "169.254.170.2"
_MARK = ":gd"
"""Ends the label of an address that a core put there: the last core takes it away."""

_LONGEST_LABEL = 15
_PREFIX = 32
# How Docker names the interfaces of bridge networks, unless one is named on purpose (Bridges).
_DOCKERS = re.compile(r"docker0|docker_gwbridge|br-[0-9a-f]{12}")
_IN_ECS = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"


class Act(StrEnum):
    USE = "use"
    ADD = "add"
    WAIT = "wait"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Decision:
    """USE: it is there. ADD: put `address`. WAIT: no bridge yet. LEAVE: it is not ours to have.

    `is_ours`: a core put it there. `why`: for people, with WAIT and LEAVE.
    """

    act: Act
    address: InterfaceAddress | None = None
    is_ours: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The host's addresses, with the names of their interfaces."""

    addresses: Sequence[InterfaceAddress]
    names: Mapping[int, str]
    bridges: Bridges = field(default_factory=Bridges)

    def is_dockers(self, address: InterfaceAddress) -> bool:
        name = self.names.get(address.interface, "")
        return name in self.bridges.names or _DOCKERS.fullmatch(name) is not None

    @property
    def others(self) -> frozenset[int]:
        """Interfaces that are not known to be Docker's."""
        return frozenset(x.interface for x in self.addresses if not self.is_dockers(x))


def decide(table: Table, environ: Mapping[str, str]) -> Decision:
    """What to do for the address to be there."""
    bridge = table.bridges.default
    if environ.get(_IN_ECS):
        return Decision(
            Act.LEAVE, why=f"this core itself runs in Amazon ECS, which uses {ADDRESS}"
        )
    for entry in table.addresses:
        if entry.address == ADDRESS:
            if table.is_dockers(entry):
                return Decision(Act.USE, entry, is_ours=entry.label.endswith(_MARK))
            where = table.names.get(entry.interface, "another interface")
            return Decision(Act.LEAVE, why=f"{ADDRESS} is on {where} already")
    for entry in table.addresses:
        if table.names.get(entry.interface) == bridge:
            label = f"{bridge[: _LONGEST_LABEL - len(_MARK)]}{_MARK}"
            new = InterfaceAddress(entry.interface, ADDRESS, _PREFIX, label)
            return Decision(Act.ADD, new, is_ours=True)
    return Decision(Act.WAIT, why=f"there is no Docker bridge ({bridge}) yet")


def admits(peer: str, table: Table) -> bool:
    """Whether `peer` is this host, or in the network of a Docker bridge."""
    try:
        wanted = ipaddress.IPv4Address(peer)
    except ValueError:
        return False
    for entry in table.addresses:
        if entry.address == peer:
            return True
        if not table.is_dockers(entry) or entry.prefix >= _PREFIX:
            continue
        if wanted in ipaddress.IPv4Network((entry.address, entry.prefix), strict=False):
            return True
    return False
