"""The command line's side of the Greengrass IPC: one blocking connection, calls, subscriptions.

Speaks the event-stream RPC over the core's Unix socket with a token from `cli_ipc_info/`, as the
official client does. Uses neither threads nor asyncio. Every wait has a deadline. Decides nothing
about what is asked or shown; commands do.
"""
# ruff: noqa: PTH119, PTH120 (pathlib is slow to import)

from __future__ import annotations

import json
import os
import socket
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from greendock.cli.access import Access, find_access, start_hint
from greendock.cli.errors import CliError, NoCoreError, TokenRefusedError
from greendock.ipc import rpc
from greendock.ipc.eventstream import Decoder, EventStreamError, Message

_CONNECT_TIMEOUT_S = 3.0
_REQUEST_TIMEOUT_S = 60.0
_QUEUE_WAIT_S = 0.02
_SOCKET_PATH_LIMIT = 108
"""Bytes of sun_path with its final zero; longer paths are reached through their folder."""

_Frame = tuple[rpc.Envelope, bytes]


class Client:
    """A connection to the core of one root folder; use it with `with`."""

    def __init__(
        self,
        root: str,
        *,
        connect_timeout_s: float = _CONNECT_TIMEOUT_S,
        request_timeout_s: float = _REQUEST_TIMEOUT_S,
    ) -> None:
        """Connects; NoCoreError says what keeps it from doing so."""
        self.root = root
        self._request_timeout_s = request_timeout_s
        self._decoder = Decoder()
        self._inboxes: dict[int, deque[_Frame]] = {0: deque()}
        self._last_stream = 0
        self._lost: NoCoreError | None = None
        self._socket = self._connect(find_access(root), connect_timeout_s)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def call(self, operation: str, request: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer to one request. `operation` is a name of the Greengrass model, or a full one
        such as `greendock#DescribeComponent`. CliError carries what the core refused and why."""
        stream = self._open(operation, request or {})
        try:
            return self._answer(stream, operation)[1]
        finally:
            self._inboxes.pop(stream, None)

    def subscribe(self, operation: str, request: dict[str, Any] | None = None) -> Subscription:
        """Open a subscription; it has been answered when this returns."""
        stream = self._open(operation, request or {})
        envelope, _ = self._answer(stream, operation)
        return Subscription(self, stream, ended=envelope.terminates)

    def _connect(self, ways: list[Access], timeout_s: float) -> socket.socket:
        refused: TokenRefusedError | None = None
        for access in ways:
            self._socket = _open_socket(self.root, access, timeout_s)
            try:
                self._shake_hands(access, time.monotonic() + timeout_s)
            except TokenRefusedError as error:
                self._socket.close()
                refused = error
            except BaseException:
                self._socket.close()
                raise
            else:
                return self._socket
        assert refused is not None  # noqa: S101 (find_access never returns an empty list)
        raise refused

    def _shake_hands(self, access: Access, deadline: float) -> None:
        self._decoder = Decoder()
        self._send(rpc.connect(access.token))
        frame = self._next(0, deadline)
        if frame is None:
            raise NoCoreError(
                f"cannot reach the core at {self.root}: it accepts the connection on "
                f"{access.socket_path} but does not answer",
                hint=f"see {self.root}/logs/greengrass.log",
            )
        envelope = frame[0]
        if envelope.type != rpc.CONNECT_ACK:
            raise NoCoreError(
                f"cannot talk to {access.socket_path}: it is not a core's IPC socket"
            )
        if not envelope.flags & rpc.CONNECTION_ACCEPTED:
            raise TokenRefusedError(
                f"the core at {access.socket_path} refused the token in {access.file}",
                hint=_refusal_hint(self.root, access),
            )

    def _open(self, operation: str, request: dict[str, Any]) -> int:
        self._last_stream += 1
        stream = self._last_stream
        self._inboxes[stream] = deque()
        name = operation if "#" in operation else rpc.NAMESPACE + operation
        self._send(rpc.request(stream, name, rpc.to_json(request)))
        return stream

    def _answer(self, stream: int, operation: str) -> tuple[rpc.Envelope, dict[str, Any]]:
        frame = self._next(stream, time.monotonic() + self._request_timeout_s)
        if frame is None:
            raise CliError(
                f"the core at {self.root} did not answer {operation} within "
                f"{self._request_timeout_s:g} s",
                hint=f"it may be overloaded or hang; see {self.root}/logs/greengrass.log",
            )
        envelope, payload = frame
        if envelope.type == rpc.APPLICATION_ERROR:
            raise _modelled_error(envelope, payload)
        return envelope, _object(payload)

    def _next(self, stream: int, deadline: float | None) -> _Frame | None:
        """The next message of `stream`, or None when `deadline` (monotonic) passes first."""
        inbox = self._inboxes[stream]
        while not inbox:
            if self._lost is not None:
                raise self._lost
            if not self._receive(deadline):
                return None
        return inbox.popleft()

    def _receive(self, deadline: float | None) -> bool:
        """Read once and sort what came into the inboxes; False at the deadline."""
        remaining = None if deadline is None else deadline - time.monotonic()
        if remaining is not None and remaining <= 0:
            return False
        self._socket.settimeout(remaining)
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            return False
        except OSError as error:
            raise self._gone() from error
        if not data:
            self._lost = self._gone()
            return True
        try:
            for message in self._decoder.feed(data):
                self._sort(message)
        except EventStreamError as error:
            raise NoCoreError(f"cannot understand the core at {self.root}: {error}") from error
        return True

    def _sort(self, message: Message) -> None:
        envelope = rpc.envelope(message)
        if envelope.type == rpc.PING:
            self._send(rpc.ping_response(message))
        elif envelope.type in (rpc.PROTOCOL_ERROR, rpc.INTERNAL_ERROR):
            text = _object(message.payload).get("message", "no reason given")
            self._lost = NoCoreError(f"the core at {self.root} ended the connection: {text}")
        elif envelope.stream in self._inboxes:
            self._inboxes[envelope.stream].append((envelope, message.payload))

    def _send(self, data: bytes) -> None:
        self._socket.settimeout(self._request_timeout_s)
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise self._gone() from error

    def _gone(self) -> NoCoreError:
        return NoCoreError(
            f"lost the connection to the core at {self.root}", hint=start_hint(self.root)
        )


class Subscription:
    """The events of one stream, each the union's one member as `{name: value}`."""

    def __init__(self, client: Client, stream: int, *, ended: bool) -> None:
        self._client = client
        self._stream = stream
        self.ended = ended
        """True once the core has closed the stream; no event follows."""

    def next(self, timeout_s: float | None = None) -> dict[str, Any] | None:
        """The next event; None when none came in time or the stream has ended."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        if self.ended:
            return None
        frame = self._client._next(self._stream, deadline)
        if frame is None:
            return None
        envelope, payload = frame
        self.ended = envelope.terminates
        if envelope.type == rpc.APPLICATION_ERROR:
            raise _modelled_error(envelope, payload)
        return _object(payload) if payload else None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while not self.ended:
            event = self.next()
            if event is not None:
                yield event

    def close(self) -> None:
        """Tell the core that nobody listens any more."""
        if not self.ended:
            self._client._send(rpc.terminate(self._stream))
            self.ended = True


def _open_socket(root: str, access: Access, timeout_s: float) -> socket.socket:
    """Connected to the path in the token file, or to the root's own when that one is not there (a
    root folder that is mounted at another path)."""
    error: OSError | None = None
    for path in dict.fromkeys((access.socket_path, f"{root}/ipc.socket")):
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        opened.settimeout(timeout_s)
        try:
            _connect_path(opened, path, timeout_s)
        except OSError as failure:
            opened.close()
            error = error or failure
        else:
            return opened
    raise _unreachable(root, access, error) from error


def _connect_path(opened: socket.socket, path: str, timeout_s: float) -> None:
    """A full queue of waiting clients refuses at once, whatever the timeout: tried until then."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        try:
            _connect_once(opened, path)
        except BlockingIOError:
            if time.monotonic() >= deadline_s:
                raise
            time.sleep(_QUEUE_WAIT_S)
        else:
            return


def _connect_once(opened: socket.socket, path: str) -> None:
    if len(os.fsencode(path)) < _SOCKET_PATH_LIMIT:
        opened.connect(path)
        return
    folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
    try:
        opened.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
    finally:
        os.close(folder)


def _unreachable(root: str, access: Access, error: OSError | None) -> NoCoreError:
    if isinstance(error, PermissionError):
        return NoCoreError(
            f"cannot reach the core at {root}: no permission for {access.socket_path}",
            hint="run this as the user of the core, or as root",
        )
    if isinstance(error, TimeoutError | BlockingIOError):
        return NoCoreError(
            f"cannot reach the core at {root}: {access.socket_path} does not accept connections",
            hint=f"it may hang; see {root}/logs/greengrass.log",
        )
    return NoCoreError(f"cannot reach a core at {root}: none is running", hint=start_hint(root))


def _refusal_hint(root: str, access: Access) -> str:
    if os.path.realpath(access.socket_path) != os.path.realpath(f"{root}/ipc.socket"):
        owner = os.path.dirname(access.socket_path)
        return (
            f"that socket belongs to the core at {owner}; if you mean that one, use --root {owner}"
        )
    return "the file is from an earlier life of the core; restart the core"


def _modelled_error(envelope: rpc.Envelope, payload: bytes) -> CliError:
    """The core's own words, with its name for the error."""
    members = _object(payload)
    model = (envelope.model or "").partition("#")[2] or None
    text = members.get("message") or members.get("_message") or payload.decode(errors="replace")
    codes, hint = members.get("codes"), members.get("hint")
    return CliError(
        str(text or model or "the core refused the request"),
        codes=tuple(str(code) for code in codes) if isinstance(codes, list) else None,
        hint=str(hint) if hint else None,
        model=model,
    )


def _object(payload: bytes) -> dict[str, Any]:
    """The JSON object of a payload; an empty one for anything else."""
    try:
        value = json.loads(payload)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
