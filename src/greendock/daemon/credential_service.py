"""The token exchange service among the parts of the core, built when it is first started.

Fills its ports from tokens, settings and components; decides nothing.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from greendock.base.clock import Clock
from greendock.base.database import Database
from greendock.base.errors import ConfigurationError, GreendockError
from greendock.config.token_exchange import RetrySeconds, retry_seconds
from greendock.daemon.core_settings import CoreSettings
from greendock.daemon.docker_work import DockerWork
from greendock.daemon.outside import Outside
from greendock.deployment.builtins import TOKEN_EXCHANGE_SERVICE
from greendock.ipc.authorization import CLIENT_PREFIX
from greendock.ipc.tokens import Tokens
from greendock.lifecycle.model import ComponentSpec
from greendock.lifecycle.supervisor import Supervisor

if TYPE_CHECKING:
    from greendock.aws.credentials import AwsCredentials
    from greendock.token_exchange.bridge_address import BridgeAddress
    from greendock.token_exchange.ports import Bridges, Caller
    from greendock.token_exchange.service import TokenExchange

_log = logging.getLogger("greendock.token_exchange")
_ENGINE_TIMEOUT_S = 3.0
_VARIABLE = "AWS_CONTAINER_CREDENTIALS_FULL_URI"


class CredentialService:
    """Fills CorePart of lifecycle, and all ports of token_exchange but the memory of its port.

    `use` comes before the first start.
    """

    def __init__(
        self,
        settings: CoreSettings,
        outside: Outside,
        tokens: Tokens,
        docker: DockerWork,
        database: Database,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._outside = outside
        self._tokens = tokens
        self._docker = docker
        self._database = database
        self._clock = clock
        self._supervisor: Supervisor | None = None
        self._service: TokenExchange | None = None
        self._end_news: Callable[[], None] | None = None
        self._told: tuple[str, ...] = ()

    def use(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    # -- what components get

    @property
    def port(self) -> int:
        """Where it listens now; 0: nowhere."""
        return 0 if self._service is None else self._service.port

    def environment(self) -> Mapping[str, str]:
        uri = None if self._service is None else self._service.uri
        return {} if uri is None else {_VARIABLE: uri}

    @property
    def addresses(self) -> tuple[str, ...]:
        """Besides loopback, where no proxy may come between."""
        if not self.port:
            return ()
        from greendock.token_exchange.bridge import ADDRESS

        return (ADDRESS,)

    # -- lifecycle.ports.CorePart

    @property
    def shown(self) -> Mapping[str, Any]:
        return {"activePort": self.port} if self.port else {}

    async def start(self, spec: ComponentSpec) -> None:
        if self._service is None:
            self._service = self._build()
        self._outside.credential_retry = self._retry
        network = self._outside.network
        self._end_news = network.listen_for_network(self._outside.network_changed)
        await self._service.start(spec)

    async def stop(self) -> None:
        if self._end_news is not None:
            self._end_news()
            self._end_news = None
        if self._service is not None:
            await self._service.stop()

    def _build(self) -> TokenExchange:
        from greendock.token_exchange.kept_port import KeptPort
        from greendock.token_exchange.service import Needs, TokenExchange

        return TokenExchange(
            Needs(
                callers=self,
                source=self,
                service=self,
                memory=KeptPort(self._database),
                news=self._outside.network,
                clock=self._clock,
                bridge=self._bridge(),
            )
        )

    def _bridge(self) -> BridgeAddress | None:
        from greendock.net.address_table import AddressTable
        from greendock.token_exchange.bridge_address import BridgeAddress

        if not self._settings.current.credentials.bridge_address:
            return None
        return BridgeAddress(AddressTable(), self, os.environ)

    # -- token_exchange.ports: Engine, Callers, Source, Service

    async def bridges(self) -> Bridges | None:
        from greendock.docker.engine.networks import bridge_networks
        from greendock.token_exchange.ports import Bridges

        try:
            found = await bridge_networks(self._docker.parts.engine, _ENGINE_TIMEOUT_S)
        except GreendockError as error:
            _log.debug("the engine's networks are not known: %s", error.explain())
            return None
        return Bridges(found.default or Bridges().default, found.all)

    def authenticate(self, token: str) -> Caller | None:
        from greendock.token_exchange.ports import Caller

        found = self._tokens.authenticate(token)
        if found is None:
            return None
        return Caller(found.principal, found.principal.startswith(CLIENT_PREFIX))

    def check(self) -> None:
        if self._settings.current.credentials.source == "none":
            raise ConfigurationError(
                "cannot give AWS credentials to components: greendock.credentials.source is none"
            )
        _ = self._outside.credentials

    async def credentials(self) -> AwsCredentials:
        return await self._outside.credentials.for_components()

    def configuration(self) -> Mapping[str, Any]:
        view = self._components.view(TOKEN_EXCHANGE_SERVICE)
        return {} if view is None else view.configuration

    def dependers(self) -> frozenset[str]:
        return self._components.dependers(TOKEN_EXCHANGE_SERVICE)

    @property
    def _components(self) -> Supervisor:
        if self._supervisor is None:
            raise RuntimeError("the components are not known yet")
        return self._supervisor

    def _retry(self) -> RetrySeconds:
        found, wrong = retry_seconds(self.configuration())
        if wrong != self._told:
            self._told = wrong
            for text in wrong:
                _log.error("%s", text)
        return found
