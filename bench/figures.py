"""Figures of repeated runs, and the line that shows them. Holds no measurement."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def spread(values: Sequence[float]) -> str:
    """`median (least to greatest)` in seconds."""
    return f"{statistics.median(values):.3f} s ({min(values):.3f} to {max(values):.3f})"


def milliseconds(values: Sequence[float]) -> str:
    """`median (least to greatest)` in milliseconds."""
    scaled = [value * 1000 for value in values]
    return f"{statistics.median(scaled):.0f} ms ({min(scaled):.0f} to {max(scaled):.0f})"


def ratio(values: Sequence[float], against: Sequence[float]) -> str:
    """How many times the alternative, by medians."""
    return f"{statistics.median(values) / statistics.median(against):.2f} times"


def line(what: str, figure: str, aim: str = "") -> None:
    print(f"  {what:<58} {figure}" + (f"   aim: {aim}" if aim else ""), flush=True)


def heading(text: str) -> None:
    print(f"\n{text}", flush=True)
