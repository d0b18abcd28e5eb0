"""What can go wrong between this device and a server, as types.

NetworkError
├── NameNotResolved     the name service knows no address, or does not answer
├── ConnectionRefused   nobody listens, no route, the network is down
├── ConnectionBroken    the connection ended in the middle of a request or an answer
├── NoAnswer            not connected, or no byte, within the time limit
├── TlsFailed           the certificate is not trusted, or the handshake failed
└── ProxyRefused        the proxy wants a login, or does not let us through

Turned into the errors of images and artifacts by their adapters; never shown without saying what
was wanted of the server.
"""
# ruff: noqa: N818 - the names say what is the case; the base class says that they are errors

from __future__ import annotations

from greendock.base.errors import GreendockError, Retry


class NetworkError(GreendockError):
    """A server can't be reached, or not any more. `host` is the one that was wanted."""

    default_codes: tuple[str, ...] = ("NETWORK_ERROR",)
    default_hint = "check the network, the name service and the proxy settings"
    default_retry = Retry.WHEN_ONLINE

    def __init__(
        self, message: str, *, host: str, hint: str | None = None, retry: Retry | None = None
    ) -> None:
        super().__init__(
            message,
            hint=self.default_hint if hint is None else hint,
            retry=self.default_retry if retry is None else retry,
        )
        self.host = host


class NameNotResolved(NetworkError):
    """No address for the host's name."""

    default_hint = "check the host name, the network and the name service"


class ConnectionRefused(NetworkError):
    """No connection: nobody listens there, there is no route, or the network is down."""


class ConnectionBroken(NetworkError):
    """The other side, or something in between, ended the connection too early."""

    default_retry = Retry.BACK_OFF


class NoAnswer(NetworkError):
    """No connection, or no byte, within the time limit."""

    default_retry = Retry.BACK_OFF


class TlsFailed(NetworkError):
    """The server's certificate can't be verified, or the handshake failed."""

    default_codes = ("TLS_HANDSHAKE_FAILURE",)
    default_hint = "check this machine's clock and its certificate authorities"
    default_retry = Retry.NEVER


class ProxyRefused(NetworkError):
    """The proxy did not let the request through. `status`: its HTTP status."""

    def __init__(
        self,
        message: str,
        *,
        host: str,
        status: int,
        hint: str | None = None,
        retry: Retry | None = None,
    ) -> None:
        super().__init__(message, host=host, hint=hint, retry=retry)
        self.status = status
