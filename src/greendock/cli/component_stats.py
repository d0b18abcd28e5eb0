"""`greendock component stats`: what components use, from two looks of the core at them.

Asks, waits and prints; the share of a processor is the difference between two looks.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from greendock.cli.image_text import aligned
from greendock.cli.output import say, say_json, say_json_line, say_raw
from greendock.cli.progress_state import size_text

if TYPE_CHECKING:
    from greendock.cli.client import Client

_HEADINGS = ("COMPONENT", "STATE", "CPU %", "MEMORY", "LIMIT", "RESTARTS", "CONTAINERS")
_CLEAR = "\x1b[H\x1b[J"


def follow_stats(
    client: Client, names: Sequence[str], interval_s: float, *, go_on: bool, as_json: bool
) -> None:
    """Print one table or object, or with `go_on` one after each `interval_s`."""
    request = {"componentNames": list(names)} if names else {}
    before = client.call("greendock#GetComponentStats", request)
    while True:
        time.sleep(interval_s)
        after = client.call("greendock#GetComponentStats", request)
        shown = with_shares(before, after)
        if as_json:
            (say_json_line if go_on else say_json)({"components": shown})
        else:
            if go_on and sys.stdout.isatty():
                say_raw(_CLEAR)
            say("\n".join(stats_lines(shown)))
        if not go_on:
            return
        sys.stdout.flush()
        before = after


def with_shares(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of `after` with `cpuPercent`: of one processor, null when it can't be told."""
    time_s = float(after.get("clockSeconds") or 0) - float(before.get("clockSeconds") or 0)
    used = {row["componentName"]: row.get("cpuSeconds") for row in before.get("components") or ()}
    rows: list[dict[str, Any]] = []
    for row in after.get("components") or ():
        share = _share(used.get(row["componentName"]), row.get("cpuSeconds"), time_s)
        rows.append({**row, "cpuPercent": share})
    return rows


def _share(before_s: float | None, after_s: float | None, time_s: float) -> float | None:
    if before_s is None or after_s is None or time_s <= 0 or after_s < before_s:
        return None  # less than before: what had used it has ended
    return round((after_s - before_s) / time_s * 100, 2)


def stats_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table, a row for each component; below it what could not be measured."""
    if not rows:
        return ["No components."]
    table = aligned([_HEADINGS, *(_cells(row) for row in rows)])
    missing = [f"{row['componentName']}: {row['missing']}" for row in rows if row.get("missing")]
    return [*table, *missing]


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    share = row.get("cpuPercent")
    restarts = int(row.get("restarts") or 0) + int(row.get("containerRestarts") or 0)
    return (
        str(row.get("componentName")),
        str(row.get("state")),
        "-" if share is None else f"{share:.1f}",
        _size(row.get("memoryBytes")),
        _limit(row),
        str(restarts),
        str(row.get("containers") or 0),
    )


def _size(size_bytes: int | None) -> str:
    return "-" if size_bytes is None else size_text(size_bytes)


def _limit(row: Mapping[str, Any]) -> str:
    parts = []
    if row.get("memoryLimitBytes") is not None:
        parts.append(size_text(row["memoryLimitBytes"]))
    if row.get("cpuLimit") is not None:
        parts.append(f"{row['cpuLimit']:g} CPUs")
    return ", ".join(parts) or "-"
