"""(g) The IPC server: messages, requests, cycles and memory, and what each safety feature costs.

The server is a whole core with eleven deployed components, in a process of its own; the load
client (`ipc_load.py`) is this process. The floor is a server that answers the same bytes with
almost no Python per message; it takes turns with the core, so that both see the same machine.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench import ipc_costs, ipc_load, ipc_sdk
from bench.core_start import pss_mb
from bench.figures import heading, line, ratio
from bench.ipc_load import Target
from bench.ipc_targets import CLIENT_CORE, core_with_parts, pin, server_process

if TYPE_CHECKING:
    from lab.core import CoreMaker

MESSAGES = 60_000
FAN_OUT = 10
FAN_MESSAGES = 20_000
SINGLE = 5_000
REQUESTS = 20_000
CYCLES = 100_000


def measure(make_core: CoreMaker, folder: Path, rounds: int) -> None:
    sockets = folder / "ipc"
    sockets.mkdir()
    pin(0, CLIENT_CORE)
    core, target = core_with_parts(make_core, folder)
    with server_process(sockets, "floor") as floor:
        _pubsub(target, floor, rounds)
    _requests(target, rounds)
    _cycles(target)
    ipc_sdk.measure(target)
    core.end()
    ipc_costs.measure(rounds)


def _pubsub(core: Target, floor: Target, rounds: int) -> None:
    heading(
        f"(g) publish/subscribe, 256 bytes, {ipc_load.IN_FLIGHT} in flight; median (least, most)"
    )
    figures: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, target in (("core", core), ("floor", floor)):
            for receivers, count in ((1, MESSAGES), (FAN_OUT, FAN_MESSAGES)):
                used = ipc_load.cpu_s(target.pid)
                rate = ipc_load.messages_per_s(target, receivers, count)
                used = (ipc_load.cpu_s(target.pid) - used) / count
                figures.setdefault(f"{name} {receivers}", []).append(rate)
                figures.setdefault(f"{name} {receivers} cpu", []).append(used)
            times = ipc_load.latencies_s(target, SINGLE)
            figures.setdefault(f"{name} p50", []).append(times[len(times) // 2])
            figures.setdefault(f"{name} p99", []).append(times[len(times) * 99 // 100])
    for receivers, aim in ((1, "45,000/s"), (FAN_OUT, "20,000/s, 200,000 deliveries/s")):
        found, bare = figures[f"core {receivers}"], figures[f"floor {receivers}"]
        line(f"1 to {receivers}, publishes", _rate(found), f"at least {aim}, two quiet cores")
        line(f"1 to {receivers}, floor", _rate(bare))
        line(f"1 to {receivers}, against the floor", ratio(found, bare))
        cpu = f"core {receivers} cpu"
        line(f"1 to {receivers}, processor time of a publish", _microseconds(figures[cpu]))
    for part in ("p50", "p99"):
        found, bare = figures[f"core {part}"], figures[f"floor {part}"]
        line(f"1 in flight, {part}", f"{_microseconds(found)}, floor {_microseconds(bare)}")
    line("memory of the core after it (PSS)", f"{pss_mb(core.pid):.1f} MB")


def _requests(core: Target, rounds: int) -> None:
    heading("(g) requests with one answer")
    for operation, members in (
        ("GetConfiguration", {"keyPath": ["bench"]}),
        ("ListLocalDeployments", {}),
    ):
        answer = _answer(core, operation, members)
        runs = [ipc_load.requests_per_s(core, operation, members, REQUESTS) for _ in range(rounds)]
        line(f"{operation}, answered with {answer}", _rate(runs))


def _answer(core: Target, operation: str, members: object) -> str:
    model = ipc_load.answer_of(core, operation, members)
    return model.partition("#")[2]


def _cycles(core: Target) -> None:
    heading(f"(g) {CYCLES:,} times open, subscribe, close")
    kinds: Sequence[tuple[str, Callable[[Target, int], float]]] = (
        ("connections", ipc_load.connection_cycles_per_s),
        ("streams of one connection", ipc_load.stream_cycles_per_s),
    )
    for name, run in kinds:
        run(core, CYCLES // 10)
        before = pss_mb(core.pid)
        rate = run(core, CYCLES)
        after = pss_mb(core.pid)
        line(name, f"{rate:,.0f}/s; memory {before:.1f} MB before, {after:.1f} MB after")


def _rate(values: Sequence[float]) -> str:
    return f"{statistics.median(values):,.0f}/s ({min(values):,.0f} to {max(values):,.0f})"


def _microseconds(values: Sequence[float]) -> str:
    return f"{statistics.median(values) * 1e6:,.1f} µs"
