"""One client connection: bytes in, handshake, streams, bounded bytes out.

Does what protocol.py decides and leaves operations to the streams. Nothing that a peer does or
omits (silence, garbage, floods, not reading) costs more than this one connection: input waits
while answers are unread, events beyond a bound are left out, and a peer for which more than
another bound waits all the same is cut off.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol

from greendock.ipc import rpc
from greendock.ipc.drops import Drops, SubscriptionDrops
from greendock.ipc.envelopes import EnvelopeReader
from greendock.ipc.errors import invalid_arguments, service_error
from greendock.ipc.eventstream import (
    MAX_MESSAGE,
    Decoder,
    EventStreamError,
    Frame,
    Message,
    read_headers,
)
from greendock.ipc.protocol import ProtocolViolationError, Verdict, judge
from greendock.ipc.router import Router
from greendock.ipc.stream import Stream
from greendock.ipc.tokens import Credential

_log = logging.getLogger("greendock.ipc")

_GREETING_BYTES = 64 * 1024
_PAUSE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what peers can take. Backlog: bytes that wait for a peer to read them. Where they
    would be more than `droppable_backlog`, droppable events are left out; where more than
    `backlog` of what may not be left out waits, the connection ends."""

    handshake_timeout_s: float = 10
    linger_s: float = 1
    connections: int = 1000
    greeting_connections: int = 100
    streams: int = 1000
    droppable_backlog: int = 1024 * 1024
    backlog: int = 16 * 1024 * 1024


class Host(Protocol):
    """What a connection needs of the server."""

    router: Router
    limits: Limits
    drops: Drops

    def joined(self, connection: Connection) -> None: ...

    def authenticate(self, connection: Connection, token: str) -> Credential | None: ...

    def left(self, connection: Connection) -> None: ...

    def flush_later(self, connection: Connection) -> None:
        """Call its `flush` in this turn of the loop or the next."""

    def flush_all(self) -> None:
        """Do so now, for all that asked."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...


class _State(Enum):
    GREETING = auto()
    OPEN = auto()
    LEAVING = auto()
    """The last word is said; waiting for the peer to hang up, so that it can read it."""
    CLOSED = auto()


_ENDING = (_State.LEAVING, _State.CLOSED)


class Connection(asyncio.Protocol):
    """Lives on the event loop; every method is called there."""

    def __init__(self, host: Host) -> None:
        self.credential: Credential | None = None
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._state = _State.GREETING
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._decoder = Decoder(_GREETING_BYTES)
        self._envelopes = EnvelopeReader()
        self._inbox: deque[Frame] = deque()
        self._outbox: list[bytes] = []
        self._outbox_bytes = 0
        self._firm_bytes = 0
        self._is_working = False
        self._output_stuck = False
        self._streams: dict[int, Stream] = {}
        self._last_stream = 0
        self._actions: dict[Verdict, Callable[[rpc.Envelope, Frame], None]] = {
            Verdict.GREET: self._greet,
            Verdict.OPEN: self._open,
            Verdict.SKIP: self._skip,
            Verdict.EXTRA: self._refuse_extra,
            Verdict.CLOSE: self._close_stream,
            Verdict.PING: self._ping,
            Verdict.LEAVE: self._peer_gives_up,
            Verdict.IGNORE: self._ignore,
        }

    # -- called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream socket has one
        self._transport = transport
        transport.set_write_buffer_limits(high=_PAUSE_BYTES)
        self._set_timer(self._host.limits.handshake_timeout_s, self._greeting_late)
        self._host.joined(self)

    def data_received(self, data: bytes) -> None:
        if self._state in (_State.LEAVING, _State.CLOSED):
            return
        try:
            self._inbox.extend(self._decoder.frames(data))
        except EventStreamError as error:
            self._abort_for(error)
            return
        self._work()

    def pause_writing(self) -> None:
        self._output_stuck = True

    def resume_writing(self) -> None:
        self._output_stuck = False
        self._work()

    def connection_lost(self, exc: Exception | None) -> None:
        self._state = _State.CLOSED
        self._set_timer(0, None)
        for stream in tuple(self._streams.values()):
            stream.release()
        self._inbox.clear()
        self._outbox.clear()
        self._host.left(self)

    # -- called by the server

    @property
    def name(self) -> str:
        return self.credential.principal if self.credential else "a client without a token"

    @property
    def is_greeting(self) -> bool:
        return self._state is _State.GREETING

    def close(self) -> None:
        """End all streams, send what is waiting, hang up."""
        for stream in tuple(self._streams.values()):
            stream.close()
        self.flush()
        self._hang_up()

    def abort(self) -> None:
        """Hang up at once."""
        if self._state is not _State.CLOSED and self._transport is not None:
            self._state = _State.LEAVING
            self._transport.abort()

    # -- called by the streams (`Wire`)

    def write(self, frame: bytes, drops: SubscriptionDrops | None = None) -> bool:
        """Queue a frame; frames of one turn of the loop go out together."""
        if self._transport is None or self._state in _ENDING:
            return False
        backlog = self._outbox_bytes + self._transport.get_write_buffer_size()
        if backlog <= _PAUSE_BYTES:
            self._firm_bytes = 0
        elif not self._has_room(len(frame), backlog, drops):
            return False
        if drops is None:
            self._firm_bytes += len(frame)
        if not self._outbox and not self._is_working:
            self._host.flush_later(self)
        self._outbox.append(frame)
        self._outbox_bytes += len(frame)
        return True

    def _has_room(self, size: int, backlog: int, drops: SubscriptionDrops | None) -> bool:
        """Whether a peer for which `backlog` bytes wait gets a frame more."""
        if drops is not None:
            if backlog + size <= self._host.limits.droppable_backlog:
                return True
            drops.add()
            return False
        if self._firm_bytes <= self._host.limits.backlog:
            return True
        _log.warning("%s does not read: %d bytes wait; hanging up", self.name, backlog)
        self.abort()
        return False

    def drops(self, what: str) -> SubscriptionDrops:
        return self._host.drops.of(self.name, what)

    def forget(self, stream: int) -> None:
        self._streams.pop(stream, None)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._host.spawn(work)

    # -- messages

    @property
    def _must_wait(self) -> bool:
        """Whether the peer has to read answers before it is listened to again. Events that it
        does not read hold up nothing: they are bounded, and it may have more to publish."""
        return self._output_stuck and self._firm_bytes > _PAUSE_BYTES

    def _work(self) -> None:
        """Handle what has come in, as long as the peer takes its answers."""
        self._is_working = True
        while self._inbox and not self._must_wait and self._state is not _State.LEAVING:
            self._receive(self._inbox.popleft())
            if self._outbox_bytes > _PAUSE_BYTES:
                self.flush()
        self._is_working = False
        # Events for others first: their readers wait, who published has time.
        self._host.flush_all()
        self.flush()
        if self._transport is None or self._transport.is_closing():
            return
        if self._must_wait and self._state is not _State.LEAVING:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _receive(self, frame: Frame) -> None:
        try:
            envelope = self._envelopes.read(frame[0])
            verdict = judge(
                envelope,
                connected=self._state is _State.OPEN,
                last_stream=self._last_stream,
                live=self._streams,
            )
            if verdict is Verdict.OPEN:
                self._open(envelope, frame)
            else:
                self._actions[verdict](envelope, frame)
        except (ProtocolViolationError, rpc.MissingHeaderError) as error:
            _log.warning("%s broke the protocol: %s", self.name, error)
            self._leave(rpc.protocol_error(str(error)))
        except EventStreamError as error:
            self._abort_for(error)

    def _greet(self, _envelope: rpc.Envelope, frame: Frame) -> None:
        token = _token(_message(frame))
        self.credential = self._host.authenticate(self, token) if token else None
        if self.credential is None:
            _log.warning("refused a connection: its version or its token is not valid")
            self._leave(rpc.connect_ack(accepted=False))
            return
        self._set_timer(0, None)
        self._state = _State.OPEN
        self._decoder.max_message = MAX_MESSAGE
        self.write(rpc.connect_ack(accepted=True))

    def _open(self, envelope: rpc.Envelope, frame: Frame) -> None:
        number = self._last_stream = envelope.stream
        principal = self.credential.principal if self.credential else ""
        operation = envelope.operation or ""
        try:
            answer = self._host.router.answer_quickly(principal, operation, frame[1])
        except Exception as error:
            Stream(self, number).fail(error)
            return
        if answer is not None:
            self.write(rpc.response(number, f"{operation}Response", answer, last=True))
            return
        stream = Stream(self, number)
        if len(self._streams) >= self._host.limits.streams:
            limit = self._host.limits.streams
            stream.fail(service_error(f"cannot open more than {limit} streams on one connection"))
            return
        self._streams[number] = stream
        stream.run(self._host.router, principal, operation, frame[1])

    def _skip(self, envelope: rpc.Envelope, _frame: Frame) -> None:
        self._last_stream = envelope.stream

    def _refuse_extra(self, envelope: rpc.Envelope, _frame: Frame) -> None:
        error = invalid_arguments("the operation takes one request and no further messages")
        self._streams[envelope.stream].fail(error)

    def _close_stream(self, envelope: rpc.Envelope, _frame: Frame) -> None:
        self._streams[envelope.stream].release()

    def _ping(self, _envelope: rpc.Envelope, frame: Frame) -> None:
        self.write(rpc.ping_response(_message(frame)))

    def _peer_gives_up(self, _envelope: rpc.Envelope, frame: Frame) -> None:
        _log.warning("%s reports an error and hangs up: %r", self.name, frame[1][:500])
        self._hang_up()

    def _ignore(self, _envelope: rpc.Envelope, _frame: Frame) -> None:
        """A late answer to a ping, or the end of a stream that is over: nothing to do."""

    # -- the end

    def _leave(self, last_frame: bytes) -> None:
        """Say the last word and wait for the peer to hang up.

        Clients that see the end of the connection before the refusal report a lost connection
        instead of the reason, so the peer gets `linger_s` to hang up first.
        """
        for stream in tuple(self._streams.values()):
            stream.release()
        self.write(last_frame)
        self.flush()
        self._inbox.clear()
        if self._state is not _State.CLOSED:
            self._state = _State.LEAVING
        self._set_timer(self._host.limits.linger_s, self.abort)

    def _abort_for(self, error: EventStreamError) -> None:
        _log.warning("%s sent no valid message: %s", self.name, error)
        self.abort()

    def _greeting_late(self) -> None:
        _log.warning("a client sent no CONNECT in time; hanging up")
        self.abort()

    def _hang_up(self) -> None:
        if self._state is not _State.CLOSED and self._transport is not None:
            self._state = _State.LEAVING
            self._inbox.clear()
            self._transport.close()

    def flush(self) -> None:
        """Hand what is queued to the transport."""
        if self._outbox and self._transport is not None and not self._transport.is_closing():
            frames, self._outbox, self._outbox_bytes = self._outbox, [], 0
            self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))

    def _set_timer(self, seconds: float, action: Callable[[], None] | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, action) if action else None


def _message(frame: Frame) -> Message:
    return Message(read_headers(frame[0]), frame[1])


def _token(message: Message) -> str | None:
    """The token of a CONNECT; None when its version or its payload won't do."""
    version = next((v for name, v in message.headers.items() if name.lower() == ":version"), None)
    if version != rpc.VERSION:
        return None
    try:
        payload = json.loads(message.payload)
    except (ValueError, RecursionError):
        return None
    token = payload.get("authToken") if isinstance(payload, dict) else None
    return token if isinstance(token, str) else None
