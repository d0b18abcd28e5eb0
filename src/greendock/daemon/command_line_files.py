"""Keeps the files by which the command line finds this core, once they could be written.

Writing is ipc/cli_info.py's; here it is tried again where the disk has no room for it now.
"""

from __future__ import annotations

import asyncio
import logging

from greendock.base.clock import Clock
from greendock.base.errors import DeviceError
from greendock.base.paths import Paths
from greendock.daemon.core_settings import CoreSettings
from greendock.ipc.cli_info import write_cli_info
from greendock.ipc.tokens import Tokens

_log = logging.getLogger("greendock")
_RETRY_S = 10.0


class CommandLineFiles:
    """`write` at a start, `stop` at the end."""

    def __init__(self, paths: Paths, settings: CoreSettings, tokens: Tokens, clock: Clock) -> None:
        self._paths = paths
        self._settings = settings
        self._tokens = tokens
        self._clock = clock
        self._later: asyncio.Task[None] | None = None

    async def write(self) -> None:
        """Now, or as soon as it can be done."""
        try:
            await self._write()
        except DeviceError as error:
            _log.error("the command line can't reach this core yet: %s", error.explain())
            self._later = asyncio.create_task(self._write_later(), name="cli info")

    async def _write_later(self) -> None:
        while True:
            await self._clock.sleep(_RETRY_S)
            try:
                return await self._write()
            except DeviceError as error:
                _log.debug("%s", error.explain())

    async def _write(self) -> None:
        groups = ",".join(self._settings.current.authorized_posix_groups)
        folder, socket = self._paths.cli_ipc_info, self._paths.ipc_socket
        await asyncio.to_thread(write_cli_info, folder, socket, self._tokens, groups)

    def stop(self) -> None:
        if self._later is not None:
            self._later.cancel()
