"""One request on its way to the engine, and its answer on the way back.

Body and answer flow at the same time, since an answer may begin before the body ends; each waits
for its reader, so nothing piles up. A connection that was handed over (attach, exec, upgrade)
becomes two flows that end one by one. What breaks off at one end breaks off at the other: an
answer is never made to look complete. Judges nothing. Called by the connection.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

from greendock.base.crash_points import crash_point
from greendock.docker.gateway import http1
from greendock.docker.gateway.bodies import Body, body_of
from greendock.docker.gateway.exchange import RequestHead
from greendock.docker.gateway.flow import (
    BodyOnly,
    Everything,
    SourceLostError,
    TargetLostError,
    flow,
)
from greendock.docker.gateway.heeding import Heeding
from greendock.docker.gateway.http1 import Answer, Framing, MalformedMessageError
from greendock.docker.gateway.inbox import ClientInbox, Inbox


class ClientLostError(Exception):
    """The client is gone; nobody is left to answer."""


class EngineLostError(Exception):
    """The engine is gone. `answered`: the client has got a part of the answer already."""

    def __init__(self, answered: bool) -> None:
        super().__init__()
        self.answered = answered


class After(Enum):
    """What may come after an exchange."""

    NEXT_REQUEST = auto()
    CLOSE = auto()
    UNREAD_BODY = auto()
    """The client may still be sending, and should get the answer all the same."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What goes to the engine. `body` is one that is known as a whole; else the client's passes,
    as long as `framing` says."""

    head: RequestHead
    framing: Framing
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Waits:
    """`rest_s`: for the rest of a body after the answer; `heed_s`: for an answer that nobody but
    the one who heeds it wants any more."""

    rest_s: float = 5.0
    heed_s: float = 10.0


class Relay:
    """One exchange over one pair of connections."""

    def __init__(
        self, client: ClientInbox, engine: Inbox, sending: Sending, heeding: Heeding, waits: Waits
    ) -> None:
        self._client = client
        self._engine = engine
        self._sending = sending
        self._heeding = heeding
        self._waits = waits
        self._body_is_sent = False
        self._has_answered = False
        self._client_is_gone = False
        self._fault: MalformedMessageError | None = None
        self._ending: asyncio.Task[None] | None = None
        self._giving_up: asyncio.TimerHandle | None = None

    async def run(self) -> After:
        """Raises ClientLostError, EngineLostError, MalformedMessageError (of the request)."""
        raw = http1.write_request(self._sending.head)
        upload = asyncio.create_task(self._send(raw), name="gateway upload")
        try:
            return await self._answer(upload)
        finally:
            self._client.unwatch()
            if self._giving_up is not None:
                self._giving_up.cancel()
            await _cancelled(upload)
            if self._ending is not None:
                await _cancelled(self._ending)

    # --- to the engine

    async def _send(self, raw: bytes) -> None:
        """Ends quietly whatever happens: the answer, or its absence, says what it means."""
        sending = self._sending
        try:
            await self._engine.wire.write(raw + (sending.body or b""))
            crash_point("gateway.forwarded")
            if sending.body is None and not await self._pass_body(body_of(sending.framing)):
                return
        except OSError:
            return  # It reads no more; perhaps it has answered.
        self._body_is_sent = True
        self._client.watch(self._client_ended)

    async def _pass_body(self, body: Body) -> bool:
        try:
            await flow(self._client, self._engine.wire, BodyOnly(body, self._client))
        except SourceLostError:
            self._client_ended()
        except MalformedMessageError as error:
            self._fault = error
            self._engine.wire.abort()
        else:
            if not body.done:
                self._client_ended()
        return body.done

    def _client_ended(self) -> None:
        """The engine learns it as if the client were connected to it: it ends what the client
        waits for (pulls, events), or answers all the same."""
        if self._client.wire.is_closed_by_peer:
            self._client_is_gone = True
            if self._heeding.take is None:
                self._engine.wire.abort()
                return
        self._end_request()

    def _end_request(self) -> None:
        """Where the client is gone, only the one who heeds the answer still waits for it."""
        if self._ending is None:
            self._ending = asyncio.create_task(
                self._engine.wire.end_writing(), name="gateway half-close"
            )
        if self._client_is_gone and self._giving_up is None:
            loop = asyncio.get_running_loop()
            self._giving_up = loop.call_later(self._waits.heed_s, self._engine.wire.abort)

    # --- from the engine

    async def _answer(self, upload: asyncio.Task[None]) -> After:
        raw, answer = await self._final_head()
        crash_point("gateway.answered")
        self._heeding.begins(answer.head)
        if http1.hands_over(self._sending.head.method, answer):
            await self._to_client(raw)
            await self._hand_over(upload)
            return After.CLOSE
        framing = http1.answer_framing(self._sending.head.method, answer)
        body = body_of(framing, self._heeding.take)
        await self._pass_answer(raw, body)
        if self._client_is_gone:
            raise ClientLostError
        return await self._after(answer, body, upload)

    async def _final_head(self) -> tuple[bytes, Answer]:
        """Interim answers (100 Continue) go to the client on the way."""
        while True:
            try:
                raw = await self._engine.head()
                answer = None if raw is None else http1.parse_answer(raw)
            except (OSError, MalformedMessageError):
                answer = raw = None
            if self._fault is not None:
                raise self._fault
            if raw is None or answer is None:
                if self._client_is_gone:
                    raise ClientLostError
                raise EngineLostError(self._has_answered)
            if answer.head.status >= 200 or answer.head.status == 101:
                return raw, answer
            await self._to_client(raw)

    async def _pass_answer(self, raw: bytes, body: Body) -> None:
        part = BodyOnly(body, self._engine)
        try:
            if self._engine.holds and not body.done:
                # Head and beginning in one piece, as they mostly come.
                raw += part.part(self._engine.take_held())
            await self._to_client(raw)
            if not self._client_is_gone:
                await self._flow_to_client(part)
            while self._client_is_gone and not body.done:
                if not (data := await self._engine.some()):
                    break
                part.part(data)
        except (OSError, MalformedMessageError):
            raise EngineLostError(answered=True) from None
        if not body.whole_at_close:
            raise EngineLostError(answered=True)

    async def _flow_to_client(self, part: BodyOnly) -> None:
        try:
            await flow(self._engine, self._client.wire, part)
        except TargetLostError:
            self._client_lost()

    async def _to_client(self, data: bytes) -> None:
        if self._client_is_gone:
            return
        self._has_answered = True
        try:
            await self._client.wire.write(data)
        except OSError:
            self._client_lost()

    def _client_lost(self) -> None:
        if self._heeding.take is None:
            raise ClientLostError from None
        self._client_is_gone = True
        self._end_request()

    async def _after(self, answer: Answer, body: Body, upload: asyncio.Task[None]) -> After:
        head = self._sending.head
        stays = (
            body.done
            and not self._engine.holds
            and http1.keeps_open(answer.version, answer.head.headers)
            and http1.keeps_open(head.version, head.headers)
        )
        if stays and not self._body_is_sent and not http1.expects_continue(head):
            await asyncio.wait([upload], timeout=self._waits.rest_s)
        if not self._body_is_sent:
            return After.UNREAD_BODY
        return After.NEXT_REQUEST if stays else After.CLOSE

    # --- handed over

    async def _hand_over(self, upload: asyncio.Task[None]) -> None:
        up = asyncio.create_task(self._input(upload), name="gateway input")
        down = asyncio.create_task(self._flow(self._engine, self._client), name="gateway output")
        try:
            await asyncio.wait([down])
            # Where the engine takes nothing any more either, a silent client would not notice.
            over = self._engine.wire.is_closed_by_peer
            await asyncio.wait([up], timeout=self._waits.rest_s if over else None)
        finally:
            await _cancelled(up)
            await _cancelled(down)

    async def _input(self, upload: asyncio.Task[None]) -> None:
        """What is left of the request goes first."""
        await asyncio.wait([upload])
        self._client.unwatch()
        await self._flow(self._client, self._engine)

    async def _flow(self, source: Inbox, target: Inbox) -> None:
        try:
            await flow(source, target.wire, Everything())
        except OSError:
            # One of them is gone: so is the connection as a whole.
            self._client.wire.abort()
            self._engine.wire.abort()
            return
        if source is self._client and source.wire.is_closed_by_peer:
            self._engine.wire.abort()
        else:
            with suppress(OSError):
                await target.wire.end_writing()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
