"""What the core has of the world outside, each part built when it is first needed: HTTP, AWS, the
network's news. Wires packages that don't know each other; decides nothing.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from greendock import __version__
from greendock.base.clock import Clock
from greendock.config.token_exchange import RetrySeconds
from greendock.daemon.proxies import Proxies

if TYPE_CHECKING:
    from greendock.aws.cached_source import CachedSource
    from greendock.aws.ecr import Ecr
    from greendock.aws.s3 import S3, S3Object
    from greendock.config.settings import Settings
    from greendock.docker.ports import EcrAuthorization
    from greendock.net.connectivity import Connectivity
    from greendock.net.http import HttpClient
    from greendock.net.proxy import ProxySettings


class Outside:
    """One per core. `settings`: those in force; what depends on them is built anew when they
    change. Fills EcrTokens of docker and ObjectStore and NetworkPause of artifacts."""

    def __init__(self, settings: Callable[[], Settings], proxies: Proxies, clock: Clock) -> None:
        self._settings = settings
        self._proxies = proxies
        self._clock = clock
        self._http: HttpClient | None = None
        self._network: Connectivity | None = None
        self._source: tuple[object, CachedSource] | None = None
        self._s3: S3 | None = None
        self.credential_retry: Callable[[], RetrySeconds] = RetrySeconds
        """For how long failures stand for components; set by the token exchange service."""

    @property
    def http(self) -> HttpClient:
        if self._http is None:
            from greendock.net.http import HttpClient

            self._http = HttpClient(self._proxies, user_agent=f"greendock/{__version__}")
        return self._http

    @property
    def own_proxies(self) -> ProxySettings:
        """The core's own proxies, without what the engine uses."""
        return self._proxies.own()

    @property
    def network(self) -> Connectivity:
        if self._network is None:
            from greendock.net.connectivity import Connectivity

            self._network = Connectivity()
        return self._network

    @property
    def credentials(self) -> CachedSource:
        """This device's AWS credentials. Raises ConfigurationError."""
        from greendock.aws.cached_source import CachedSource
        from greendock.aws.sources import source_of

        now = self._settings()
        key = (now.credentials, now.device, now.thing_name, now.root_ca_path)
        if self._source is None or self._source[0] != key:
            source = source_of(*key, self.http)
            self._source = (
                key,
                CachedSource(source, self._clock, lambda: self.credential_retry()),
            )
            self._s3 = None
        return self._source[1]

    def network_changed(self) -> None:
        """Where credentials could not be had for want of a network, ask again the next time."""
        if self._source is not None:
            self._source[1].network_changed()

    # -- docker.ports.EcrTokens

    async def authorization(self, account: str, region: str, host: str) -> EcrAuthorization:
        from greendock.aws.ecr import Ecr

        ecr: Ecr = Ecr(self.http, self.credentials, os.environ)
        return await ecr.authorization(account, region, host)

    # -- artifacts.ports.ObjectStore

    async def describe(self, uri: str) -> S3Object:
        return await self._store().describe(uri)

    def read(
        self, uri: str, offset: int, etag: str
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._store().read(uri, offset, etag)

    def _store(self) -> S3:
        from greendock.aws.s3 import S3

        source = self.credentials
        if self._s3 is None:
            self._s3 = S3(
                self.http,
                source,
                lambda: self._settings().aws_region,
                lambda: self._settings().s3_endpoint,
                os.environ,
            )
        return self._s3

    async def close(self) -> None:
        network, self._network = self._network, None
        http, self._http = self._http, None
        if network is not None:
            network.close()
        if http is not None:
            await http.close()
