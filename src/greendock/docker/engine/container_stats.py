"""What the engine measures of one container, as data of ours, read once from its JSON.

Pure. The shapes of both versions of control groups; members that are missing or null are normal.
Memory is without the file cache that can be taken back at once, as the docker command shows it.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from greendock.docker.errors import ContainerFailed


@dataclass(frozen=True, slots=True)
class ContainerUsage:
    """`cpu_s`: seconds of one CPU since its start. `memory_bytes` None: not measured."""

    cpu_s: float
    memory_bytes: int | None


class _CpuUsage(msgspec.Struct):
    total: int = msgspec.field(name="total_usage", default=0)


class _Cpu(msgspec.Struct):
    usage: _CpuUsage | None = msgspec.field(name="cpu_usage", default=None)


class _Memory(msgspec.Struct):
    usage: int | None = None
    stats: dict[str, int] | None = None


class _Stats(msgspec.Struct):
    cpu: _Cpu | None = msgspec.field(name="cpu_stats", default=None)
    memory: _Memory | None = msgspec.field(name="memory_stats", default=None)


def read_container_stats(body: bytes) -> ContainerUsage:
    """The answer of GET /containers/ID/stats?stream=false."""
    try:
        wire = msgspec.json.decode(body, type=_Stats)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ContainerFailed(
            f"cannot read what the engine measures of a container: {error}",
            hint="is it a Docker Engine that listens at this address?",
        ) from error
    used = wire.cpu.usage.total if wire.cpu and wire.cpu.usage else 0
    return ContainerUsage(used / 1e9, _memory(wire.memory))


def _memory(wire: _Memory | None) -> int | None:
    if wire is None or wire.usage is None:
        return None
    stats = wire.stats or {}
    # The first is version 1's, and there `inactive_file` is without the groups below.
    cache = stats.get("total_inactive_file", stats.get("inactive_file", 0))
    return max(0, wire.usage - cache)
