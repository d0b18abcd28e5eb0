"""Asks `docker-credential-NAME get` for the login of one registry, by Docker's protocol.

The server's address goes in on standard input, the answer is JSON on standard output; nothing
secret is in the argument list. What a program says that succeeded is never shown, what one says
that failed is its error text. Called by the credentials of registries.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Mapping

import msgspec

from greendock.base.errors import Retry
from greendock.docker.engine.model import RegistryAuth
from greendock.docker.errors import CredentialsFailed

DEADLINE_S = 10.0
_MOST_BYTES = 256 * 1024
_AFTER_EXIT_S = 0.5
"""A child that the program leaves behind can hold its output open."""
_KILLED_S = 2.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_NOT_FOUND = "credentials not found in native keychain"
_TOKEN_USER = "<token>"  # noqa: S105 - Docker's user name that says: the secret is a token
_SHOWN = 300


class _Wire(msgspec.Struct):
    username: str = msgspec.field(name="Username", default="")
    secret: str = msgspec.field(name="Secret", default="")


async def ask_helper(
    name: str, server: str, environ: Mapping[str, str], deadline_s: float = DEADLINE_S
) -> RegistryAuth | None:
    """The login for `server`; None when the helper knows none. Raises CredentialsFailed."""
    what = f"cannot ask credential helper {name} for {server}"
    if _NAME.fullmatch(name) is None:
        raise CredentialsFailed(f"cannot ask credential helper {name!r}: this is no helper's name")
    loop = asyncio.get_running_loop()
    try:
        transport, run = await loop.subprocess_exec(
            _Run, f"docker-credential-{name}", "get", env=dict(environ), process_group=0
        )
    except OSError as error:
        raise CredentialsFailed(
            f"{what}: cannot start docker-credential-{name}: {error.strerror or error}",
            hint=f"docker-credential-{name} has to be in a folder of the core's PATH",
        ) from error
    try:
        async with asyncio.timeout(deadline_s):
            await run.talk(transport, server.encode())
    except TimeoutError as error:
        raise CredentialsFailed(
            f"{what}: no answer within {deadline_s:g} s", retry=Retry.BACK_OFF
        ) from error
    finally:
        await run.end(transport)
    if run.is_too_long:
        raise CredentialsFailed(f"{what}: its answer is longer than {_MOST_BYTES} bytes")
    return _read(what, server, run, transport.get_returncode())


class _Run(asyncio.SubprocessProtocol):
    """One run of a helper."""

    def __init__(self) -> None:
        self.output = {1: bytearray(), 2: bytearray()}
        self.is_too_long = False
        self._open = {1, 2}
        self._exited = asyncio.Event()
        self._done = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.output[fd] += data
        if len(self.output[fd]) > _MOST_BYTES:
            self.is_too_long = True  # no need to wait for the rest
            self._exited.set()
            self._done.set()

    def pipe_connection_lost(self, fd: int, _exc: Exception | None) -> None:
        self._open.discard(fd)
        if not self._open:
            self._done.set()

    def process_exited(self) -> None:
        self._exited.set()

    async def talk(self, transport: asyncio.SubprocessTransport, question: bytes) -> None:
        stdin = transport.get_pipe_transport(0)
        if isinstance(stdin, asyncio.WriteTransport):
            stdin.write(question)
            stdin.close()
        await self._exited.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_AFTER_EXIT_S):
                await self._done.wait()

    async def end(self, transport: asyncio.SubprocessTransport) -> None:
        """Leave nothing behind: no process of its group, no pipe."""
        pid = transport.get_pid()
        if transport.get_returncode() is None or self._open:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        try:
            async with asyncio.timeout(_KILLED_S):
                while transport.get_returncode() is None:
                    self._exited.clear()
                    await self._exited.wait()
        except TimeoutError:
            return  # the kernel holds it; the event loop collects it when it lets go
        finally:
            transport.close()
        _bury_group(pid)


def _bury_group(group: int) -> None:
    """A helper's children become the core's, where the core adopts orphans."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass


def _read(what: str, server: str, run: _Run, code: int | None) -> RegistryAuth | None:
    if code != 0:
        words = _words(run.output[1]) or _words(run.output[2])
        if _NOT_FOUND in words:
            return None
        raise CredentialsFailed(
            f"{what}: it ended with {code}" + (f": {words}" if words else ""),
            hint=f"try it by hand: echo {server} | docker-credential-NAME get, as the core's user",
            retry=Retry.BACK_OFF,
        )
    try:
        wire = msgspec.json.decode(run.output[1], type=_Wire)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Neither shown nor chained: it may be a password.
        raise CredentialsFailed(f"{what}: its answer can't be read") from None
    if not wire.secret:
        return None
    if wire.username == _TOKEN_USER:
        return RegistryAuth("", "", server, wire.secret)
    return RegistryAuth(wire.username, wire.secret, server)


def _words(output: bytearray) -> str:
    """The error text of a helper, on one line; nothing of what looks like an answer."""
    text = output.decode(errors="replace")
    if "{" in text or "secret" in text.lower():
        return ""
    plain = "".join(x if x.isprintable() else " " for x in text)
    return " ".join(plain.split())[:_SHOWN]
