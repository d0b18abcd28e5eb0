"""The address of the engine: reading what DOCKER_HOST, a context or the configuration says.

Pure. Takes the forms that the docker command takes for local and TCP engines; refuses those that
need another program (ssh) or another system (npipe). Called by the look-up.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from greendock.docker.errors import EngineAddressError

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
_PLAIN_PORT = 2375
_TLS_PORT = 2376
_LONGEST_SOCKET_PATH = 107  # sockaddr_un of Linux: 108 bytes with the closing zero


@dataclass(frozen=True, slots=True)
class EngineTls:
    """`folder` holds ca.pem, cert.pem and key.pem. `verify`: check the engine's certificate."""

    folder: Path
    verify: bool


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """`socket_path` for a Unix socket, else `host` and `port`. `source` says who named it."""

    source: str
    socket_path: str | None = None
    host: str = ""
    port: int = 0
    tls: EngineTls | None = None

    @property
    def base_url(self) -> str:
        """What requests are relative to."""
        if self.socket_path is not None:
            return "http://docker"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    def __str__(self) -> str:
        if self.socket_path is not None:
            return f"unix://{self.socket_path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"


def parse_engine_address(text: str, *, source: str, tls: EngineTls | None = None) -> EngineAddress:
    """Read `unix:///path`, `tcp://host:port`, `http(s)://host:port` or `host:port`.

    `tls` counts for TCP only. Raises EngineAddressError.
    """
    scheme, separator, rest = text.strip().partition("://")
    if not separator:
        scheme, rest = ("unix", text.strip()) if text.startswith("/") else ("tcp", text.strip())
    if scheme == "unix":
        return EngineAddress(source, socket_path=_socket_path(rest or DEFAULT_SOCKET[7:], source))
    if scheme not in ("tcp", "http", "https"):
        raise EngineAddressError(
            f"cannot use the engine address {text!r} of {source}: {scheme}:// is not supported",
            hint="use unix:///path/to/docker.sock or tcp://host:port",
        )
    if scheme == "https" and tls is None:
        raise EngineAddressError(
            f"cannot use the engine address {text!r} of {source}: https needs certificates",
            hint="set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH",
        )
    return _tcp(rest, text, source, tls)


def _socket_path(path: str, source: str) -> str:
    if len(path.encode()) > _LONGEST_SOCKET_PATH:
        raise EngineAddressError(
            f"cannot use the engine's socket {path!r} of {source}: the path is longer than "
            f"{_LONGEST_SOCKET_PATH} bytes",
            hint="use a shorter path, for example a symbolic link",
        )
    if not path.startswith("/"):
        raise EngineAddressError(
            f"cannot use the engine's socket {path!r} of {source}: the path is not absolute",
            hint="write unix:///path/to/docker.sock, with three slashes",
        )
    return path


def _tcp(rest: str, text: str, source: str, tls: EngineTls | None) -> EngineAddress:
    try:
        parts = urlsplit(f"//{rest}")
        port = parts.port
    except ValueError as error:
        raise EngineAddressError(
            f"cannot use the engine address {text!r} of {source}: {error}",
            hint="write tcp://host:port",
        ) from error
    if parts.username or parts.path.strip("/") or parts.query:
        raise EngineAddressError(
            f"cannot use the engine address of {source}: only a host and a port can stand in it",
            hint="write tcp://host:port",
        )
    default = _TLS_PORT if tls else _PLAIN_PORT
    return EngineAddress(source, host=parts.hostname or "localhost", port=port or default, tls=tls)
