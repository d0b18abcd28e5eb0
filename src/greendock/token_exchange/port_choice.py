"""Takes the port of the credential endpoint: the configured one, the one of before, or a free one.

A container that outlives a restart of the core has the port in its environment, so one that was
taken once is kept. Never listens on all addresses.
"""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Sequence

from greendock.base.clock import Clock
from greendock.base.errors import DeviceError, GreendockError
from greendock.token_exchange.ports import PortMemory

_log = logging.getLogger("greendock.token_exchange")
LOOPBACK = "127.0.0.1"
_BACKLOG = 64
_PATIENCE_S = 5.0
_PAUSE_S = 0.25
_TRIES = 16


class PortTaken(GreendockError):  # noqa: N818 - says what is the case
    """Somebody else listens there, or it may not be listened on."""


def listen_on(address: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


class PortChoice:
    """Chooses once per start of the service."""

    def __init__(self, memory: PortMemory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock

    async def take(self, wanted: int, also: Sequence[str]) -> socket.socket:
        """Loopback with the port. A free one is free at the addresses `also` as well.

        Raises PortTaken for a configured port, DeviceError when there is none at all.
        """
        if wanted:
            try:
                return await self._patiently(wanted)
            except OSError as error:
                raise PortTaken(
                    f"cannot listen on {LOOPBACK}:{wanted}: {error.strerror}",
                    hint="set another `port` in the configuration of "
                    "aws.greengrass.TokenExchangeService, or 0 for a free one",
                ) from error
        return await self._kept() or self._free(also)

    async def _kept(self) -> socket.socket | None:
        """The port of before."""
        try:
            port = self._memory.recall()
        except DeviceError as error:
            _log.warning("which port was had before is not known: %s", error.explain())
            return None
        if port is None:
            return None
        try:
            return await self._patiently(port)
        except OSError as error:
            _log.error(
                "port %d, where this core gave AWS credentials before, can't be had (%s): "
                "another one is taken, and containers that outlived the core's restart get "
                "none until they are started anew",
                port,
                error.strerror,
            )
            return None

    async def _patiently(self, port: int) -> socket.socket:
        """A port that somebody may hold for a moment. Raises OSError."""
        give_up_at = self._clock.monotonic() + _PATIENCE_S
        while True:
            try:
                return listen_on(LOOPBACK, port)
            except OSError as error:
                if error.errno != errno.EADDRINUSE or self._clock.monotonic() >= give_up_at:
                    raise
            await self._clock.sleep(_PAUSE_S)

    def _free(self, also: Sequence[str]) -> socket.socket:
        why = ""
        for _ in range(_TRIES):
            try:
                listening = listen_on(LOOPBACK, 0)
            except OSError as error:
                why = error.strerror or str(error)
                continue
            port = listening.getsockname()[1]
            if all(_is_free(address, port) for address in also):
                self._remember(port)
                return listening
            listening.close()
            why = "no port is free at each address"
        raise DeviceError(f"cannot listen on {LOOPBACK}: {why}")

    def _remember(self, port: int) -> None:
        try:
            self._memory.remember(port)
        except DeviceError as error:
            _log.warning("the port will be another one after a restart: %s", error.explain())


def _is_free(address: str, port: int) -> bool:
    try:
        listen_on(address, port).close()
    except OSError:
        return False
    return True
