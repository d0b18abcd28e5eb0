"""The token exchange service: listens on loopback, and where containers reach it; one per core.

Started and stopped with its component by the lifecycle. While it runs it follows the network: the
address on Docker's bridge is had when the bridge appears, and is put back when it was lost.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable
from dataclasses import dataclass

from greendock.base.clock import Clock
from greendock.config.token_exchange import service_port
from greendock.lifecycle.model import ComponentSpec
from greendock.token_exchange.answers import PATH
from greendock.token_exchange.bridge import ADDRESS
from greendock.token_exchange.bridge_address import BridgeAddress
from greendock.token_exchange.endpoint import Endpoint
from greendock.token_exchange.listener import Limits, Listener
from greendock.token_exchange.port_choice import LOOPBACK, PortChoice, listen_on
from greendock.token_exchange.ports import Callers, NetworkNews, PortMemory, Service, Source

_log = logging.getLogger("greendock.token_exchange")
_SETTLE_S = 0.5
_BRIDGE_LIMITS = Limits(per_address=32)


@dataclass(frozen=True, slots=True)
class Needs:
    """What the service works with. `bridge` None: containers' address is not wanted."""

    callers: Callers
    source: Source
    service: Service
    memory: PortMemory
    news: NetworkNews
    clock: Clock
    bridge: BridgeAddress | None = None


class TokenExchange:
    """Fills CorePart of lifecycle."""

    def __init__(self, needs: Needs) -> None:
        self._needs = needs
        self._endpoint = Endpoint(needs.callers, needs.source, needs.service, needs.clock)
        self._loopback: Listener | None = None
        self._bridge: Listener | None = None
        self._has_address = False
        self._port = 0
        self._end_news: Callable[[], None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._has_news = False
        self._told_taken = False

    @property
    def port(self) -> int:
        """0 while it is not listening."""
        return self._port if self._loopback is not None else 0

    @property
    def uri(self) -> str | None:
        """Where components find it: by the address that works in bridge networks as well.

        Else by number: `localhost` can be ::1 as well, where any process of this host could listen
        and be given tokens.
        """
        if self._loopback is None:
            return None
        host = ADDRESS if self._bridge is not None and self._has_address else LOOPBACK
        return f"http://{host}:{self._port}{PATH}"

    async def start(self, spec: ComponentSpec) -> None:
        """Listen. Raises GreendockError when that can't be, or nothing gives credentials."""
        needs = self._needs
        wanted = service_port(spec.configuration)
        needs.source.check()
        self._has_address = needs.bridge is not None and await needs.bridge.ensure()
        also = (ADDRESS,) if self._has_address else ()
        listening = await PortChoice(needs.memory, needs.clock).take(wanted, also)
        self._port = listening.getsockname()[1]
        self._loopback = Listener(listening, self._endpoint.answer)
        if needs.bridge is not None:
            self._listen_on_bridge()
            self._end_news = needs.news.listen(self._look_soon)
            self._look_soon()  # what happened before the listening
        _log.info("AWS credentials for components at %s", self.uri)

    async def stop(self) -> None:
        """Also after a start that failed."""
        if self._end_news is not None:
            self._end_news()
            self._end_news = None
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.cancel()
            await asyncio.wait([looking])
        listeners = [x for x in (self._loopback, self._bridge) if x is not None]
        self._loopback = self._bridge = None
        await asyncio.gather(*(listener.close() for listener in listeners))
        if self._has_address and self._needs.bridge is not None:
            self._needs.bridge.let_go()
        self._has_address = self._told_taken = False

    def _look_soon(self) -> None:
        """News come in swarms when containers start."""
        self._has_news = True
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="address for containers")

    async def _look(self) -> None:
        while self._has_news:
            await asyncio.sleep(_SETTLE_S)
            self._has_news = False
            await self._look_once()

    async def _look_once(self) -> None:
        bridge = self._needs.bridge
        if bridge is None or self._loopback is None:
            return
        had, self._has_address = self._has_address, await bridge.ensure()
        self._listen_on_bridge()
        if self._has_address and not had:
            _log.info("AWS credentials for components that start from now on at %s", self.uri)

    def _listen_on_bridge(self) -> None:
        bridge = self._needs.bridge
        if bridge is None or self._bridge is not None or not self._has_address:
            return
        try:
            listening = listen_on(ADDRESS, self._port)
        except OSError as error:
            # Without the address: another core took it away just now, and the news will say so.
            if error.errno != errno.EADDRNOTAVAIL and not self._told_taken:
                self._told_taken = True
                _log.warning(
                    "containers in bridge networks get no AWS credentials: cannot listen on "
                    "%s:%d: %s; another `port` in the configuration of "
                    "aws.greengrass.TokenExchangeService helps",
                    ADDRESS,
                    self._port,
                    error.strerror,
                )
            return
        self._bridge = Listener(listening, self._endpoint.answer, bridge.admits, _BRIDGE_LIMITS)
