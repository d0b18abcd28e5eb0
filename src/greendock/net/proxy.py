"""Which proxy a request goes through, if any; pure.

The rules for hosts without proxy are those that curl and Go programs share: a name matches itself
and everything below it, a leading dot or `*.` only what is below it, `*` everything; an address
matches itself, a network in CIDR form what lies in it; a port narrows an entry to that port.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

_SCHEMES = frozenset({"http", "https"})
_LONGEST_PORT = 5
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """`url` holds no login: that is in `username` and `password`, which are never shown."""

    url: str
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    source: str = "the configuration"


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """One proxy per scheme of the wanted URL, and the entries of the no-proxy list."""

    http: Proxy | None = None
    https: Proxy | None = None
    no_proxy: tuple[str, ...] = ()


def read_proxy(
    url: str,
    source: str,
    *,
    username: str | None = None,
    password: str | None = None,
) -> Proxy:
    """A proxy from its URL, which may hold a login. `host:port` is an HTTP proxy.

    Raises ValueError, without the URL in its text: it may hold a password.
    """
    parts = _split_proxy(url if "://" in url else f"http://{url}")
    if username is None and parts.username is not None:
        username, password = unquote(parts.username), unquote(parts.password or "")
    place = parts.netloc.rpartition("@")[2]
    bare = urlunsplit((parts.scheme.lower(), place, "", "", ""))
    return Proxy(bare, username or None, password if username else None, source)


def _split_proxy(url: str) -> SplitResult:
    """The parts of a proxy's URL, of which only the login may be secret. Raises ValueError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # Not chained: its text can hold the login, or what a / in a password makes a port of.
        raise ValueError("host and port can't be read") from None
    if parts.scheme.lower() not in _SCHEMES:
        raise ValueError(f"proxies of the scheme {parts.scheme}: are not supported")
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        raise ValueError(
            "in a login the characters / ? # and @ have to be written as %2F and so on"
        )
    host = parts.hostname or ""
    if not host or port == 0:
        raise ValueError("it names no host" if not host else "0 is no port")
    if not host.isprintable() or " " in host:
        raise ValueError("its host name has a character that no host name has")
    return parts


def from_environment(environ: Mapping[str, str]) -> ProxySettings:
    """HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, lower case first, as curl reads them.

    A value that can't be read counts as none.
    """

    def proxy(*names: str) -> Proxy | None:
        for name in names:
            for variable in (name.lower(), name):
                text = environ.get(variable, "").strip()
                if text:
                    try:
                        return read_proxy(text, f"the variable {variable}")
                    except ValueError:
                        continue
        return None

    entries = split_no_proxy(environ.get("no_proxy") or environ.get("NO_PROXY") or "")
    return ProxySettings(
        http=proxy("HTTP_PROXY", "ALL_PROXY"),
        https=proxy("HTTPS_PROXY", "ALL_PROXY"),
        no_proxy=entries,
    )


def split_no_proxy(text: str) -> tuple[str, ...]:
    """The entries of a no-proxy list, split on commas and blanks."""
    return tuple(text.replace(",", " ").split())


def proxy_for(url: str, settings: ProxySettings) -> Proxy | None:
    """The proxy for a request to `url`; None for a direct connection.

    This machine's own addresses never go through a proxy. Raises ValueError for what is no URL.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower().removesuffix(".")
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    proxy = settings.https if parts.scheme == "https" else settings.http
    if proxy is None or is_loopback(host) or is_excluded(host, port, settings.no_proxy):
        return None
    return proxy


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine by its very name."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def is_excluded(host: str, port: int, entries: Iterable[str]) -> bool:
    """Whether the no-proxy list names `host` with `port`."""
    host = host.lower().removesuffix(".")
    return any(_matches(host, port, entry.lower()) for entry in entries)


def _matches(host: str, port: int, entry: str) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        return _in_network(host, entry)
    name, only_port = _split_port(entry)
    if only_port is not None and only_port != port:
        return False
    if _address(name) is not None:
        return _address(name) == _address(host)
    name = name.removesuffix(".")
    if name.startswith("*."):
        name = name[1:]
    if name.startswith("."):
        return host.endswith(name)
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _split_port(entry: str) -> tuple[str, int | None]:
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, int(rest[1:]) if _is_port(rest[1:]) else None
    name, colon, port = entry.rpartition(":")
    if colon and _is_port(port) and ":" not in name:
        return name, int(port)
    return entry, None


def _is_port(text: str) -> bool:
    return text.isdecimal() and len(text) <= _LONGEST_PORT


def _in_network(host: str, entry: str) -> bool:
    address = _address(host)
    try:
        network = ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
    return address is not None and address.version == network.version and address in network


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
