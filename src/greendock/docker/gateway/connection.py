"""One client connection: requests one after another, each judged anew, then relayed or refused.

Never more than one request is on its way to the engine. Refusals look like the engine's own
errors, so that every client prints their message. Headers, which hold passwords, are in no log.
Called by the gateway.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from greendock.base.crash_points import crash_point
from greendock.base.errors import GreendockError
from greendock.docker.errors import DockerError
from greendock.docker.gateway import http1
from greendock.docker.gateway.bodies import body_of
from greendock.docker.gateway.exchange import Forward, Refuse, RequestHead, Rules
from greendock.docker.gateway.heeding import Heeding
from greendock.docker.gateway.http1 import Framing, MalformedMessageError
from greendock.docker.gateway.inbox import ClientInbox, Inbox
from greendock.docker.gateway.relay import (
    After,
    ClientLostError,
    EngineLostError,
    Relay,
    Sending,
    Waits,
)
from greendock.docker.gateway.upstream import Engine
from greendock.docker.gateway.wire import SocketWire

_log = logging.getLogger("greendock.docker")
_MOST_CONNECTIONS = 1024
_LEAST_CONNECTIONS = 16
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def most_connections(files: int) -> int:
    """For one component of a core that may open so many files. Each connection takes two, one to
    the engine: a component that leaks them must not leave the core without any."""
    if files == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return max(_LEAST_CONNECTIONS, min(_MOST_CONNECTIONS, files // 8))


def _most_here() -> int:
    return most_connections(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


@dataclass(frozen=True, slots=True)
class Limits:
    """`connections`: of one component. `head_s`: from the first byte of a head to its last.
    `body_s`: for a body that is collected. `linger_s`: how long a client may go on sending what
    nobody reads, to get its answer."""

    connections: int = field(default_factory=_most_here)
    head_s: float = 30.0
    body_s: float = 60.0
    linger_s: float = 5.0
    waits: Waits = field(default_factory=Waits)


class Connection:
    """Takes over a connected, non-blocking socket of a client. `once`: ends after a refusal."""

    def __init__(
        self,
        connected: socket.socket,
        rules: Rules,
        engine: Engine,
        limits: Limits,
        *,
        once: bool = False,
    ) -> None:
        self._once = once
        self._wire = SocketWire(connected)
        self._client = ClientInbox(self._wire)
        self._rules = rules
        self._upstream = engine
        self._limits = limits
        self._engine: Inbox | None = None

    async def serve(self) -> None:
        """Until the client or the engine ends it, or the task is cancelled."""
        try:
            after = After.NEXT_REQUEST
            while after is After.NEXT_REQUEST:
                after = await self._next()
            if after is After.UNREAD_BODY:
                await self._linger()
        except (ClientLostError, EngineLostError, OSError):
            pass  # Broken off: the client must not take what it has for a whole answer.
        finally:
            self.close()

    def close(self) -> None:
        """Nobody may be waiting for it any more."""
        self._drop_engine()
        self._wire.close()

    async def _next(self) -> After:
        try:
            raw = await self._client.head(self._limits.head_s)
            if raw is None:
                return After.CLOSE
            head = http1.parse_request(raw)
            framing = http1.request_framing(head)
        except MalformedMessageError as error:
            return await self._refuse(None, Refuse(error.status, error.message))
        except TimeoutError:
            return await self._refuse(None, Refuse(408, "the request's head took too long"))
        try:
            return await self._take(head, framing)
        except MalformedMessageError as error:
            return await self._refuse(None, Refuse(error.status, error.message))

    async def _take(self, head: RequestHead, framing: Framing) -> After:
        body: bytes | None = None
        verdict: Forward | Refuse
        try:
            limit_bytes = self._rules.needs_body(head)
            if limit_bytes is not None:
                body = await self._collect(head, framing, limit_bytes)
            verdict = await self._rules.judge(head, body)
        except (MalformedMessageError, ClientLostError, OSError):
            raise
        except GreendockError as error:
            verdict = Refuse(503, error.explain())
        except Exception:
            _log.exception("cannot judge a request for the Docker engine")
            verdict = Refuse(500, "cannot judge the request: see the log of the core")
        is_read = framing.is_empty or body is not None
        if isinstance(verdict, Refuse):
            return await self._refuse(head if is_read else None, verdict, head.method)
        if verdict.body is not None and not is_read:
            raise MalformedMessageError("the rules replaced a body that was not read", 500)
        crash_point("gateway.judged")
        heeding = Heeding(verdict.heed)
        try:
            return await self._forward(head, _sending(head, framing, body, verdict), heeding)
        finally:
            await heeding.ended()
            crash_point("gateway.ended")

    async def _collect(self, head: RequestHead, framing: Framing, limit_bytes: int) -> bytes:
        if framing.length_bytes > limit_bytes:
            raise _too_large(limit_bytes)
        pieces = bytearray()
        body = body_of(framing, pieces.extend)
        try:
            async with asyncio.timeout(self._limits.body_s):
                if http1.expects_continue(head) and not self._client.holds and not body.done:
                    await self._wire.write(_CONTINUE)
                while not body.done:
                    data = await self._client.some()
                    if not data:
                        raise ClientLostError
                    self._client.put_back(data[body.feed(data) :])
                    if len(pieces) > limit_bytes:
                        raise _too_large(limit_bytes)
        except TimeoutError:
            raise MalformedMessageError("the request's body took too long", 408) from None
        return bytes(pieces)

    # --- forwarding

    async def _forward(self, head: RequestHead, sending: Sending, heeding: Heeding) -> After:
        while True:
            kept = self._kept_engine()
            try:
                engine = self._engine = kept or Inbox(await self._upstream.open())
            except DockerError as error:
                return await self._refuse_for(error, 503, head, sending)
            relay = Relay(self._client, engine, sending, heeding, self._limits.waits)
            try:
                return await relay.run()
            except EngineLostError as error:
                self._drop_engine()
                if error.answered:
                    raise
                if kept is None or not _may_repeat(sending):
                    return await self._refuse_for(self._upstream.lost(), 502, head, sending)

    def _kept_engine(self) -> Inbox | None:
        """The connection of the last request, when the engine has not ended it since."""
        engine = self._engine
        if engine is not None and not engine.holds and engine.wire.is_idle:
            return engine
        self._drop_engine()
        return None

    def _drop_engine(self) -> None:
        if self._engine is not None:
            self._engine.wire.close()
            self._engine = None

    # --- answering ourselves

    async def _refuse_for(
        self, error: DockerError, status: int, head: RequestHead, sending: Sending
    ) -> After:
        _log.debug("%s", error.explain())  # Who polls an absent engine must not fill the log.
        is_read = sending.body is not None or sending.framing.is_empty
        refusal = Refuse(status, error.explain())
        return await self._refuse(head if is_read else None, refusal, head.method)

    async def _refuse(self, head: RequestHead | None, refusal: Refuse, method: str = "") -> After:
        """`head`: of a request that was read to its end, else None: no other can follow."""
        stays = (
            head is not None
            and not self._once
            and head.version == "HTTP/1.1"
            and http1.keeps_open(head.version, head.headers)
        )
        body = json.dumps({"message": refusal.message}).encode() + b"\n"
        lines = [
            f"HTTP/1.1 {refusal.status} {_reason(refusal.status)}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *([] if stays else ["Connection: close"]),
        ]
        raw = ("\r\n".join(lines) + "\r\n\r\n").encode()
        await self._wire.write(raw if method == "HEAD" else raw + body)
        if stays:
            return After.NEXT_REQUEST
        return After.UNREAD_BODY if head is None else After.CLOSE

    async def _linger(self) -> None:
        """Closing a socket with unread data may take the answer from the client that sent it."""
        await self._wire.end_writing()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.linger_s):
                while await self._client.some():
                    pass


def _sending(head: RequestHead, framing: Framing, body: bytes | None, verdict: Forward) -> Sending:
    known = body if verdict.body is None else verdict.body
    if known is None or (verdict.body is None and framing.is_empty):
        return Sending(http1.with_framing_of(verdict.head, head), framing)
    return Sending(http1.with_length(verdict.head, len(known)), framing, known)


def _may_repeat(sending: Sending) -> bool:
    """Nothing happens twice by it, and all of it is still here."""
    return sending.head.method in ("GET", "HEAD") and sending.framing.is_empty


def _too_large(limit_bytes: int) -> MalformedMessageError:
    return MalformedMessageError(f"the request's body is longer than {limit_bytes} bytes", 413)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Refused"
