"""The load client: plain sockets, one process, frames made in advance, answers only counted.

All answers and events of a run have the same size, so counting bytes counts messages; a run
fails when the bytes don't add up. Knows nothing of the server's insides.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import ipc_frames

IN_FLIGHT = 64
AT_ONCE = 50
CYCLE_TOPICS = 100
"""So few that what the server remembers of topics is full before the cycles are counted."""
TOPIC = "bench/topic"
DEADLINE_S = 60.0
_CHUNK = bytearray(1024 * 1024)


class Peer:
    """One greeted connection."""

    def __init__(self, path: Path, token: str, *, greeted: bool = True) -> None:
        """`greeted`: wait for the answer to the greeting."""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(str(path))
        self.socket.sendall(ipc_frames.connect(token))
        if greeted:
            self.receive()
        self.stream = 0

    def receive(self) -> bytes:
        """One whole frame."""
        head = self._exactly(4)
        return head + self._exactly(int.from_bytes(head, "big") - 4)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError("the server hung up")
            data += more
        return data

    def subscribe(self, topic: str = TOPIC, *, wait: bool = True) -> None:
        self.stream += 1
        self.socket.sendall(ipc_frames.subscribe(topic, self.stream))
        if not wait:
            return
        answer = self.receive()
        assert b"SubscribeToTopicResponse" in answer, answer

    def close(self) -> None:
        self.socket.close()


@dataclass(frozen=True)
class Target:
    """A server to load: its socket, tokens of components that may do everything, its process."""

    path: Path
    tokens: Sequence[str]
    pid: int


def cpu_s(pid: int) -> float:
    """Processor time that a process has used; it does not count what others take."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def messages_per_s(target: Target, receivers: int, count: int) -> float:
    """Messages from one publisher to so many subscribers, IN_FLIGHT not yet answered."""
    publisher = Peer(target.path, target.tokens[0])
    subscribers = [Peer(target.path, token) for token in target.tokens[1 : receivers + 1]]
    try:
        for subscriber in subscribers:
            subscriber.subscribe()
        [first] = ipc_frames.publish(TOPIC, 1, 1)
        publisher.socket.sendall(first)
        answer = len(publisher.receive())
        events = {len(subscriber.receive()) for subscriber in subscribers}
        frames = ipc_frames.publish(TOPIC, 2, count)
        seconds = _run(publisher, subscribers, frames, answer, max(events, default=0))
        return count / seconds
    finally:
        for peer in (publisher, *subscribers):
            peer.close()


def answer_of(target: Target, operation: str, members: object) -> str:
    """The model of what a request is answered with."""
    peer = Peer(target.path, target.tokens[0])
    peer.socket.sendall(ipc_frames.requests(operation, members, 1, 1)[0])
    answer = peer.receive()
    peer.close()
    name = b"service-model-type\x07"
    at = answer.index(name) + len(name)
    return answer[at + 2 : at + 2 + int.from_bytes(answer[at : at + 2], "big")].decode()


def requests_per_s(target: Target, operation: str, members: object, count: int) -> float:
    """Requests with one answer each, IN_FLIGHT of them at a time."""
    peer = Peer(target.path, target.tokens[0])
    try:
        peer.socket.sendall(ipc_frames.requests(operation, members, 1, 1)[0])
        answer = peer.receive()
        frames = ipc_frames.requests(operation, members, 2, count)
        return count / _run(peer, [], frames, len(answer), 0)
    finally:
        peer.close()


def _run(
    publisher: Peer, subscribers: list[Peer], frames: list[bytes], answer: int, event: int
) -> float:
    """Seconds until all frames are answered and everybody has everything."""
    poll = select.epoll()
    got = {}
    for peer in (publisher, *subscribers):
        peer.socket.setblocking(False)
        poll.register(peer.socket.fileno(), select.EPOLLIN)
        got[peer.socket.fileno()] = 0
    out = publisher.socket.fileno()
    by_number = {peer.socket.fileno(): peer.socket for peer in (publisher, *subscribers)}
    wanted = {number: len(frames) * (answer if number == out else event) for number in got}
    sent, rest = 0, b""
    open_ends = len(wanted)
    began = time.perf_counter()
    while open_ends:
        room = got[out] // answer + IN_FLIGHT - sent
        if room > 0 and sent < len(frames) and not rest:
            rest = b"".join(frames[sent : sent + room])
            sent = min(sent + room, len(frames))
        if rest:
            try:
                rest = rest[publisher.socket.send(rest) :]
            except BlockingIOError:
                poll.modify(out, select.EPOLLIN | select.EPOLLOUT)
            else:
                poll.modify(out, select.EPOLLIN | (select.EPOLLOUT if rest else 0))
        found = poll.poll(DEADLINE_S)
        if not found:
            raise TimeoutError(f"messages are missing: {got} of {wanted}")
        for number, ready in found:
            if ready & ~select.EPOLLOUT:
                got[number] += by_number[number].recv_into(_CHUNK)
                open_ends -= got[number] == wanted[number]
    seconds = time.perf_counter() - began
    poll.close()
    return seconds


def latencies_s(target: Target, count: int) -> list[float]:
    """From the sending of a message to its arrival, one at a time, in order of size."""
    publisher = Peer(target.path, target.tokens[0])
    subscriber = Peer(target.path, target.tokens[1])
    subscriber.subscribe()
    found = []
    for frame in ipc_frames.publish(TOPIC, 1, count):
        began = time.perf_counter()
        publisher.socket.sendall(frame)
        subscriber.receive()
        found.append(time.perf_counter() - began)
        publisher.receive()
    publisher.close()
    subscriber.close()
    return sorted(found)


def connection_cycles_per_s(target: Target, count: int) -> float:
    """Connect, say who, subscribe, hang up; AT_ONCE connections at a time."""
    began = time.perf_counter()
    for first in range(0, count, AT_ONCE):
        peers = [
            Peer(target.path, target.tokens[number % len(target.tokens)], greeted=False)
            for number in range(AT_ONCE)
        ]
        for peer in peers:
            peer.receive()
            peer.subscribe(f"bench/cycle/{first // AT_ONCE % CYCLE_TOPICS}", wait=False)
        for peer in peers:
            peer.receive()
            peer.close()
    return count / (time.perf_counter() - began)


def stream_cycles_per_s(target: Target, count: int) -> float:
    """Subscribe and end the stream, on one connection, AT_ONCE streams at a time."""
    peer = Peer(target.path, target.tokens[0])
    began = time.perf_counter()
    for first in range(0, count, AT_ONCE):
        for _ in range(AT_ONCE):
            peer.subscribe(f"bench/cycle/{first // AT_ONCE % CYCLE_TOPICS}", wait=False)
        for number in range(AT_ONCE):
            peer.receive()
            peer.socket.sendall(ipc_frames.terminate(peer.stream - number))
    seconds = time.perf_counter() - began
    peer.close()
    return count / seconds
