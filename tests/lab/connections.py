"""Waits for connections to end before the loop of a test does.

TLS ends in several rounds, the peer's word among them; a loop that is closed before leaves a
socket behind, which Python reports in whatever test runs when it is collected.
"""

from __future__ import annotations

import asyncio


async def connections_end(limit_s: float = 1.0) -> None:
    """Returns when only the loop's own pipe is watched, and after `limit_s` in any case."""
    loop = asyncio.get_running_loop()
    end = loop.time() + limit_s
    while len(loop._selector.get_map()) > 1 and loop.time() < end:  # type: ignore[attr-defined]
        await asyncio.sleep(0.002)
    for _ in range(5):
        await asyncio.sleep(0)
