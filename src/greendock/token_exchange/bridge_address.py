"""Puts the address for containers on Docker's bridge, takes it away, and knows who may come by it.

bridge.py decides. What hinders it is told once, in a way that says what would help.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from greendock.net.address_table import AddressTable, interface_name
from greendock.token_exchange.bridge import ADDRESS, Act, Decision, Table, admits, decide
from greendock.token_exchange.ports import Bridges, Engine

_log = logging.getLogger("greendock.token_exchange")
_MEANWHILE = (
    "until then containers reach the credentials with --network host only, at http://127.0.0.1"
)


class BridgeAddress:
    """`ensure` it, and again at news of the network; `let_go` at the end."""

    def __init__(
        self, addresses: AddressTable, engine: Engine, environ: Mapping[str, str]
    ) -> None:
        self._addresses = addresses
        self._engine = engine
        self._environ = environ
        self._bridges = Bridges()
        self._looked_at: frozenset[int] | None = None
        self._told = ""

    async def ensure(self) -> bool:
        """Whether the address can be listened on now."""
        try:
            await self._learn(self._table().others)
            decision = decide(self._table(), self._environ)
            if decision.act is Act.ADD and decision.address is not None:
                self._addresses.add(decision.address)
        except PermissionError:
            self._tell(
                f"this core may not put {ADDRESS} on the Docker bridge: run it as root, or with "
                f"CAP_NET_ADMIN; {_MEANWHILE}"
            )
            return False
        except OSError as error:
            self._tell(f"{ADDRESS} can't be put on the Docker bridge: {error}; {_MEANWHILE}")
            return False
        return self._is_usable(decision)

    def _is_usable(self, decision: Decision) -> bool:
        if decision.act in (Act.USE, Act.ADD):
            self._told = ""
            return True
        self._tell(f"{decision.why}; {_MEANWHILE}")
        return False

    def admits(self, peer: str) -> bool:
        """Whether a connection from `peer` is of this host or of one of its Docker networks."""
        try:
            table = self._table()
        except OSError as error:
            _log.warning("nobody is let in by %s: %s", ADDRESS, error)
            return False
        if admits(peer, table):
            return True
        _log.debug("hung up on %s, which is in no Docker network of this host", peer)
        return False

    def let_go(self) -> None:
        """Take the address away, if a core put it there and none listens on it any more."""
        try:
            decision = decide(self._table(), {})
            if decision.act is not Act.USE or decision.address is None or not decision.is_ours:
                return
            if not self._addresses.has_listener(ADDRESS):
                self._addresses.remove(decision.address)
        except OSError as error:
            _log.warning("%s stays on the Docker bridge: %s", ADDRESS, error)

    async def _learn(self, others: frozenset[int]) -> None:
        """Ask the engine whose interfaces those are, once for the same ones."""
        if others == self._looked_at:
            return
        found = await self._engine.bridges()
        if found is not None:
            self._bridges = found
            self._looked_at = others

    def _table(self) -> Table:
        addresses = self._addresses.all()
        names = {index: interface_name(index) for index in {a.interface for a in addresses}}
        return Table(addresses, names, self._bridges)

    def _tell(self, text: str) -> None:
        if text != self._told:
            self._told = text
            _log.warning("%s", text)
