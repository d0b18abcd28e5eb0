"""The proxy of the core's own requests: as configured, else as the environment says, else as the
engine uses it. Fills what the HTTP client asks for; the choice for a host is net/proxy.py's.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from greendock.config.settings import Settings
from greendock.docker.engine.model import EngineInfo
from greendock.docker.engine.proxy import engine_proxies
from greendock.net.proxy import ProxySettings, from_environment, read_proxy, split_no_proxy

_log = logging.getLogger("greendock")


class Proxies:
    """`engine`: what is known of the engine by now, None before it was asked."""

    def __init__(
        self, settings: Callable[[], Settings], engine: Callable[[], EngineInfo | None]
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._faulty: str | None = None

    def own(self) -> ProxySettings:
        """The core's own settings, without what the engine uses."""
        settings = self._settings()
        if not settings.proxy_url:
            return from_environment(os.environ)
        try:
            proxy = read_proxy(
                settings.proxy_url,
                "networkProxy of the configuration",
                username=settings.proxy_username,
                password=settings.proxy_password,
            )
        except ValueError as error:
            if self._faulty != settings.proxy_url:
                self._faulty = settings.proxy_url
                _log.error("networkProxy.proxy.url can't be used and counts as unset: %s", error)
            return ProxySettings()
        return ProxySettings(proxy, proxy, split_no_proxy(settings.no_proxy))

    def __call__(self) -> ProxySettings:
        own = self.own()
        info = self._engine()
        if own.http is None and own.https is None and info is not None:
            return engine_proxies(info)
        return own
