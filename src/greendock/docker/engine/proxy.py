"""Whether the engine and the core use the same proxy, in words; pure.

Pulls go through the engine's proxy, everything else through the core's; Greengrass's documents ask
for the same one in both. Called once for each change, for the log and for hints.
"""

from __future__ import annotations

from greendock.docker.engine.model import EngineInfo
from greendock.net.proxy import Proxy, ProxySettings, read_proxy, split_no_proxy

_HOW = (
    "set HTTP_PROXY, HTTPS_PROXY and NO_PROXY for the Docker service (systemd: a file in "
    "docker.service.d), or `proxies` in daemon.json since Docker 23, and restart it"
)


def engine_proxies(info: EngineInfo) -> ProxySettings:
    """The engine's proxies for the core's own use, where the core has none configured.

    One with a login is left out: engines don't tell the password.
    """
    return ProxySettings(
        http=_usable(info.http_proxy),
        https=_usable(info.https_proxy),
        no_proxy=split_no_proxy(info.no_proxy),
    )


def proxy_mismatch(own: ProxySettings, info: EngineInfo) -> str | None:
    """What differs, and how to mend it; None when both use the same proxy or none."""
    core, engine = _place(own.https), _bare(info.https_proxy)
    if core == engine or own.https is None:
        # A core without a proxy takes the engine's, so that there is nothing to explain.
        return None
    source = own.https.source
    if not engine:
        return (
            f"the core uses the proxy {core} ({source}), the Docker engine uses none: images are "
            f"pulled without it; {_HOW}"
        )
    return f"the core uses the proxy {core} ({source}), the Docker engine uses {engine}: {_HOW}"


def _usable(url: str) -> Proxy | None:
    if not url or "@" in url:
        return None
    try:
        return read_proxy(url, "the Docker engine's settings")
    except ValueError:
        return None


def _place(proxy: Proxy | None) -> str:
    return proxy.url.rstrip("/").lower() if proxy else ""


def _bare(url: str) -> str:
    """Scheme, host and port, without a login."""
    scheme, separator, rest = url.partition("://")
    place = rest if separator else url
    host = place.rpartition("@")[2].rstrip("/")
    return f"{scheme if separator else 'http'}://{host}".lower() if host else ""
