"""What each safety feature costs: processor time per message, in one process and without sockets.

As a program: one variant of `ipc_server.VARIANTS` (`python -m bench.ipc_costs VARIANT`), which
prints the least of its runs in microseconds. One message is a publish of 256 bytes, its answer
and its event; without sockets and in processor time, neighbours on the machine hardly matter.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

from bench import ipc_frames
from bench.figures import heading, line
from bench.ipc_server import VARIANTS, build

MESSAGES = 20_000
RUNS = 5
AT_ONCE = 32
TOPIC = "bench/topic"


class Nowhere(asyncio.Transport):
    """Takes everything at once and forgets it."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def write(self, data: object) -> None: ...

    def resume_reading(self) -> None: ...


def measure(rounds: int) -> None:
    heading("(g) what each safety feature costs, processor time of the server per message")
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for variant in VARIANTS:
            found.setdefault(variant, []).append(_in_a_process(variant))
    whole = min(found.pop("whole"))
    line("everything", f"{whole:.1f} µs, without sockets")
    for variant, values in found.items():
        cost = whole - min(values)
        line(variant, f"{cost:+.1f} µs ({cost / whole:+.0%})")


def _in_a_process(variant: str) -> float:
    command = [sys.executable, "-m", "bench.ipc_costs", variant]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


async def _least_us(variant: str) -> float:
    from greendock.ipc.connection import Connection

    VARIANTS[variant]()
    server, tokens = build(Path("nowhere"))
    publisher, subscriber = Connection(server), Connection(server)
    for peer, token in ((publisher, tokens[0]), (subscriber, tokens[1])):
        peer.connection_made(Nowhere())
        peer.data_received(ipc_frames.connect(token))
    subscriber.data_received(ipc_frames.subscribe(TOPIC))
    least = float("inf")
    for run in range(RUNS):
        frames = ipc_frames.publish(TOPIC, run * MESSAGES + 1, MESSAGES)
        chunks = [b"".join(frames[at : at + AT_ONCE]) for at in range(0, MESSAGES, AT_ONCE)]
        began = time.process_time()
        for chunk in chunks:
            publisher.data_received(chunk)
            await asyncio.sleep(0)
        least = min(least, time.process_time() - began)
    return least / MESSAGES * 1e6


if __name__ == "__main__":
    print(asyncio.run(_least_us(sys.argv[1])))
