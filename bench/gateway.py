"""(h) The Docker gateway against the engine's own socket: bulk, latency, memory.

The gateway is a process of its own that forwards everything; direct and through it take turns.
"""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.core_start import pss_mb
from bench.figures import heading, line, milliseconds, spread

if TYPE_CHECKING:
    from lab.lab import Lab

_PROCESS = Path(__file__).resolve().parents[1] / "tests" / "gateway" / "gateway_process.py"
_ARCHIVE_BYTES = int(os.environ.get("GREENDOCK_BENCH_ARCHIVE_BYTES", 400 << 20))
_PINGS = 3000
_SOCKETS = 100


def measure(lab: Lab, folder: Path, rounds: int) -> None:
    with _gateways(lab, folder / "one", 1) as (pid, sockets):
        hosts = {"direct": lab.docker_host, "gateway": f"unix://{sockets[0]}"}
        _bulk(lab, folder, hosts, rounds)
        line("memory of the gateway's process after it (PSS)", f"{pss_mb(pid):.1f} MB")
        _runs(lab, hosts, rounds * 4)
        _pings(hosts)
    heading(f"(h) memory of {_SOCKETS} component sockets")
    with _gateways(lab, folder / "none", 1) as (pid, _):
        one = pss_mb(pid)
    with _gateways(lab, folder / "many", _SOCKETS + 1) as (pid, _):
        many = pss_mb(pid)
    line("one more open socket", f"{(many - one) * 1024 / _SOCKETS:.1f} KB")


@contextlib.contextmanager
def _gateways(lab: Lab, run: Path, count: int) -> Iterator[tuple[int, list[str]]]:
    run.mkdir(parents=True)
    argv = [sys.executable, str(_PROCESS), str(lab.socket), str(run), str(count)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.pid, [process.stdout.readline().strip() for _ in range(count)]
    finally:
        process.communicate(timeout=20)


def _bulk(lab: Lab, folder: Path, hosts: dict[str, str], rounds: int) -> None:
    from lab import images

    heading(f"(h) docker load and save of {_ARCHIVE_BYTES >> 20} MB, direct and by the gateway")
    made = images.image([images.busybox(), images.random_layer(_ARCHIVE_BYTES)], ["/bin/true"])
    archive = folder / "large.tar"
    images.save(made, ["bench:large"], archive)
    del made
    times: dict[str, list[float]] = {}
    for turn in range(rounds):
        for name in _turn(hosts, turn):
            lab.remove_image("bench:large")
            times.setdefault(f"load {name}", []).append(
                _docker(lab, hosts[name], "load", "-i", str(archive))
            )
            times.setdefault(f"save {name}", []).append(
                _docker(lab, hosts[name], "save", "bench:large")
            )
    lab.remove_image("bench:large")
    archive.unlink()
    for kind in ("load", "save"):
        direct, through = times[f"{kind} direct"], times[f"{kind} gateway"]
        line(f"{kind}, direct", spread(direct))
        line(f"{kind}, gateway", spread(through))
        rate = statistics.median(direct) / statistics.median(through)
        line(f"{kind}, speed of the gateway against direct", f"{rate:.2f}", "at least 0.9")


def _runs(lab: Lab, hosts: dict[str, str], rounds: int) -> None:
    heading("(h) docker run --rm --network none")
    assert lab.docker("pull", "-q", "hello-world").returncode == 0
    times: dict[str, list[float]] = {name: [] for name in hosts}
    for turn in range(rounds):
        for name in _turn(hosts, turn):
            times[name].append(
                _docker(lab, hosts[name], "run", "--rm", "--network", "none", "hello-world")
            )
    for name in hosts:
        line(name, milliseconds(times[name]))
    added = statistics.median(times["gateway"]) - statistics.median(times["direct"])
    line("added by the gateway", f"{added * 1000:.0f} ms", "at most 20 ms")


def _pings(hosts: dict[str, str]) -> None:
    heading("(h) GET /_ping on a kept connection")
    for name, host in hosts.items():
        times = _ping_times_s(host.removeprefix("unix://"))
        middle, late = times[len(times) // 2], times[len(times) * 99 // 100]
        line(name, f"p50 {middle * 1e6:.0f} µs, p99 {late * 1e6:.0f} µs")


def _ping_times_s(path: str) -> list[float]:
    times = []
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        for _ in range(_PINGS):
            began = time.perf_counter()
            client.sendall(b"GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n")
            answer = b""
            while not answer.endswith(b"\r\n\r\nOK"):
                answer += client.recv(4096)
            times.append(time.perf_counter() - began)
    return sorted(times)


def _turn(hosts: dict[str, str], turn: int) -> list[str]:
    names = list(hosts)
    return names if turn % 2 else names[::-1]


def _docker(lab: Lab, host: str, *args: str) -> float:
    began = time.monotonic()
    env = {**lab.env, "DOCKER_HOST": host}
    subprocess.run(["docker", *args], env=env, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began
