"""Whatever a client sends: no crash, no hang, no growth, and other connections work on.

The server's own connections, router, streams and handlers, over pipes in memory. The number of
frames is GREENDOCK_FUZZ_FRAMES, some thousands without it; `make fuzz` sends a million.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import logging
import os
import resource
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hostile_traffic import Traffic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greendock.ipc import rpc
from greendock.ipc.connection import Connection, Limits
from greendock.ipc.eventstream import Decoder
from greendock.ipc.server import IpcServer
from greendock.ipc.tokens import Tokens

FRAMES = int(os.environ.get("GREENDOCK_FUZZ_FRAMES", "5000"))
FRAMES_PER_EXAMPLE = 100
HANG_S = 30
ATTACKER, WITNESS, LISTENER = "com.example.Attacker", "com.example.Witness", "com.example.Ear"
SERVICES = [
    "aws.greengrass.Cli",
    "aws.greengrass.ipc.pubsub",
    "aws.greengrass.ipc.mqttproxy",
    "aws.greengrass.ipc.lifecycle",
    "aws.greengrass.SecretManager",
    "aws.greengrass.ShadowManager",
]
KINDS = (b"Response", b"SubscriptionResponseMessage", b"_errorCode", b"ServiceError")
PUBLISH = "aws.greengrass#PublishToTopic"


class Pipe(asyncio.Transport):
    """The server's end of a connection whose peer reads at once, or not at all."""

    def __init__(self, loop, protocol, sent, keep) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._high = 0
        self._closing = self._paused = False
        self._keep = keep
        self._sent = sent
        self.waiting = 0
        self.peer_reads = True
        self.reading = True

    def set_write_buffer_limits(self, high=None, low=None):
        self._high = high

    def get_write_buffer_size(self):
        return self.waiting

    def is_closing(self):
        return self._closing

    def write(self, data):
        if self._keep is not None:
            self._keep += data
        for kind in KINDS:
            self._sent[kind] += data.count(kind)
        if not self.peer_reads:
            self.waiting += len(data)
            if self.waiting > self._high and not self._paused:
                self._paused = True
                self._protocol.pause_writing()

    def drain(self):
        self.peer_reads, self.waiting = True, 0
        if self._paused:
            self._paused = False
            self._protocol.resume_writing()

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True

    def close(self):
        self.abort()

    def abort(self):
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)


class Bench:
    """A server that listens nowhere, a witness on it, and one attacker after another."""

    def __init__(self, core_ports) -> None:
        self.loop = asyncio.new_event_loop()
        self.trouble: list[str] = []
        self.sent: Counter = Counter()
        self.loop.set_exception_handler(lambda _, context: self.trouble.append(repr(context)))
        allowed = {name: {"p": {"operations": ["*"], "resources": ["*"]}} for name in SERVICES}
        names = (ATTACKER, WITNESS, LISTENER)
        self.ports = core_ports(dict.fromkeys(names, allowed).get, *names, "com.example.A")
        tokens = Tokens()
        self.tokens = [tokens.issue(ATTACKER, 1), tokens.issue_client("user-0")]
        limits = Limits(linger_s=0, streams=50, droppable_backlog=500_000, backlog=2_000_000)
        self.run(self._build(tokens, limits))
        self.heard = bytearray()
        self.witness, _ = self.run(self._connect(self.heard))
        self.stream = 1
        self.witness.data_received(rpc.connect(tokens.issue(WITNESS, 1)))
        topic = rpc.to_json({"topic": "witness/topic"})
        self.witness.data_received(rpc.request(1, "aws.greengrass#SubscribeToTopic", topic))
        self.overheard = bytearray()
        self.listener, _ = self.run(self._connect(self.overheard))
        self.listener.data_received(rpc.connect(tokens.issue(LISTENER, 1)))
        everything = rpc.request(1, "aws.greengrass#SubscribeToTopic", b'{"topic":"#"}')
        self.listener.data_received(everything)
        self.overheard.clear()
        self.frames = 0

    async def _build(self, tokens, limits):
        self.server = IpcServer("nowhere", tokens, self.ports, limits)

    async def _connect(self, keep=None):
        connection = Connection(self.server)
        pipe = Pipe(self.loop, connection, self.sent, keep)
        connection.connection_made(pipe)
        return connection, pipe

    def run(self, work):
        return self.loop.run_until_complete(work)

    async def attack(self, random: Random) -> None:
        traffic = Traffic(random, self.tokens)
        connection, pipe = await self._connect()
        for _ in range(FRAMES_PER_EXAMPLE):
            # What comes after half a frame is only more of it.
            weary = 0.3 if connection._decoder.buffered else 0.01
            if pipe.is_closing() or random.random() < weary:
                pipe.abort()
                await asyncio.sleep(0)
                connection, pipe = await self._connect()
                connection.data_received(traffic.fresh())
            if not pipe.reading:
                pipe.drain()
            pipe.peer_reads = random.random() < 0.9
            data = traffic.next()
            at = random.randrange(len(data) + 1) if random.random() < 0.1 else len(data)
            for part in (data[:at], data[at:]):
                if part and not pipe.is_closing():
                    connection.data_received(part)
            self.frames += 1
            if random.random() < 0.3:
                await asyncio.sleep(0)
            assert pipe.waiting + connection._outbox_bytes < 6_000_000
        pipe.abort()
        for _ in range(3):
            await asyncio.sleep(0)

    async def check_witness(self) -> None:
        """It publishes to itself: one answer, one event, nothing else."""
        await asyncio.sleep(0)
        self.heard.clear()
        self.stream += 1
        message = {"binaryMessage": {"message": "AAAA"}}
        members = {"topic": "witness/topic", "publishMessage": message}
        self.witness.data_received(rpc.request(self.stream, PUBLISH, rpc.to_json(members)))
        await asyncio.sleep(0)
        streams = [rpc.envelope(found).stream for found in Decoder().feed(bytes(self.heard))]
        assert sorted(streams) == [1, self.stream]

    def check_listener(self) -> None:
        """Whatever it overheard, it can read."""
        for message in Decoder().feed(bytes(self.overheard)):
            assert rpc.envelope(message).stream == 1
            [(kind, content)] = json.loads(message.payload, parse_constant=pytest.fail).items()
            assert content["context"]["topic"]
            if kind == "binaryMessage":
                base64.b64decode(content.get("message", ""), validate=True)
            else:
                assert isinstance(content.get("message", {}), dict)
        self.overheard.clear()

    def close(self) -> None:
        self.witness.connection_lost(None)
        self.listener.connection_lost(None)
        self.loop.close()


def ours() -> Counter:
    """How many objects of the server's classes are alive."""
    gc.collect()
    found = (type(thing) for thing in gc.get_objects())
    return Counter(
        cls.__qualname__
        for cls in found
        if str(cls.__module__).startswith("greendock.ipc") and cls.__qualname__ not in CACHES
    )


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


CACHES = {"_Route", "Envelope", "EnvelopeReader", "FrameForm", "DeploymentRecord"}
"""What is remembered on purpose, within bounds that have tests of their own."""


@pytest.fixture
def bench(core_ports, caplog):
    # Each refusal is a line in the log; a million of them are not what is tested.
    caplog.set_level(logging.ERROR, logger="greendock.ipc")
    bench = Bench(core_ports)
    yield bench
    bench.close()


def test_hostile_traffic(bench, caplog):
    def hang(*_):
        raise AssertionError(f"an example took more than {HANG_S} s")

    before = signal.signal(signal.SIGALRM, hang)
    bench.run(bench.attack(Random(0)))
    bench.run(bench.check_witness())
    alive, began, before_mb = ours(), time.monotonic(), peak_mb()

    @settings(
        max_examples=max(1, FRAMES // FRAMES_PER_EXAMPLE),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**64 - 1))
    def attack(seed):
        signal.alarm(HANG_S)
        bench.run(bench.attack(Random(seed)))
        bench.run(bench.check_witness())
        bench.check_listener()
        signal.alarm(0)
        assert bench.trouble == []
        assert [record.getMessage() for record in caplog.records] == []
        assert bench.server.connection_count == 2
        assert len(bench.server._tasks) == 0

    try:
        attack()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert ours() == alive
    assert bench.frames > FRAMES
    # It is not all stopped at the door.
    assert min(bench.sent[kind] for kind in KINDS) > FRAMES // 50
    print(  # shown by `make fuzz`
        f"{bench.frames} frames in {time.monotonic() - began:.0f} s; memory of the process "
        f"{before_mb:.0f} MiB before, {peak_mb():.0f} MiB at most; sent {dict(bench.sent)}",
        file=sys.stderr,
    )


GROWTH_MB = 8
"""Far less than a hundred bytes kept for each frame would be in the long run."""


def test_memory_stays_flat(bench):
    """Without hypothesis, which keeps a book of its examples."""
    for seed in range(50):
        bench.run(bench.attack(Random(seed)))
        bench.check_listener()
    before = memory_mb()
    for seed in range(FRAMES // FRAMES_PER_EXAMPLE // 4):
        bench.run(bench.attack(Random(seed)))
        bench.check_listener()
    assert memory_mb() - before < GROWTH_MB


def memory_mb() -> float:
    """What this process has in memory now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20
