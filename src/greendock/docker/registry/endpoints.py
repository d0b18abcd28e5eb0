"""Where a registry is asked, in which order, and who may see a login; pure.

Follows the engine: its mirrors of Docker Hub come first, and the registries that it takes as
insecure are asked without verification, then over plain HTTP. Names are not resolved: a network
of the engine's list counts for addresses only. Called by the registry client.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from greendock.docker.engine.model import EngineInfo
from greendock.docker.platform_match import Platform
from greendock.docker.registry_kind import DOCKER_HUB
from greendock.net.proxy import is_loopback

HUB_URL = "https://registry-1.docker.io"
_VARIANTS = {"armv5l": "v5", "armv6l": "v6", "armv7l": "v7", "armv8l": "v8", "aarch64": "v8"}


@dataclass(frozen=True, slots=True)
class RegistryPlace:
    """For whom a registry is asked.

    `is_local`: whether the engine runs on this machine. `variant`: of its processor, as images
    name it; empty when not known. `emulated`: architectures that its kernel can emulate; None
    when nobody knows.
    """

    engine: EngineInfo
    is_local: bool
    variant: str = ""
    emulated: frozenset[str] | None = frozenset()

    @property
    def platform(self) -> Platform:
        return Platform(self.engine.os, self.engine.architecture)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One base URL. `is_own`: the registry itself and no mirror, so it may see a login."""

    url: str
    verify: bool
    is_own: bool

    @property
    def host(self) -> str:
        """Host with port, as in the URL."""
        return urlsplit(self.url).netloc


def variant_of(machine: str) -> str:
    """The processor's variant for a name that `uname -m` gives; empty when it tells none."""
    return _VARIANTS.get(machine, "")


def endpoints_for(registry: str, place: RegistryPlace) -> tuple[Endpoint, ...]:
    """Where to ask `registry` (host with optional port), first choice first.

    None for a loopback address of another machine.
    """
    if registry == DOCKER_HUB:
        return (*_mirrors(place), Endpoint(HUB_URL, verify=True, is_own=True))
    if is_loopback(host_of(registry)) and not place.is_local:
        return ()
    if is_insecure(registry, place.engine):
        return (
            Endpoint(f"https://{registry}", verify=False, is_own=True),
            Endpoint(f"http://{registry}", verify=False, is_own=True),
        )
    return (Endpoint(f"https://{registry}", verify=True, is_own=True),)


def is_insecure(registry: str, engine: EngineInfo) -> bool:
    """Whether the engine speaks to `registry` without trusted TLS."""
    host = host_of(registry)
    if is_loopback(host) or registry.lower() in (x.lower() for x in engine.insecure_hosts):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(_holds(network, address) for network in engine.insecure_networks)


def host_of(registry: str) -> str:
    """The host without port and brackets, in lower case."""
    try:
        return (urlsplit(f"//{registry}").hostname or "").lower()
    except ValueError:
        return ""


def may_carry_login(url: str) -> bool:
    """Whether a login may travel to `url`: over TLS, or without leaving this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback((parts.hostname or "").lower())


def origin_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what has to stay the same for credentials to go along."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, (parts.hostname or "").lower(), port


def _mirrors(place: RegistryPlace) -> tuple[Endpoint, ...]:
    found: list[Endpoint] = []
    for mirror in place.engine.mirrors:
        try:
            parts = urlsplit(mirror)
        except ValueError:
            continue
        if parts.scheme not in ("http", "https") or not parts.hostname:
            continue
        if is_loopback(parts.hostname.lower()) and not place.is_local:
            continue
        bare = parts.netloc.rpartition("@")[2]
        url = f"{parts.scheme}://{bare}{parts.path.rstrip('/')}"
        found.append(Endpoint(url, verify=not is_insecure(bare, place.engine), is_own=False))
    return tuple(found)


def _holds(network: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
