"""The end of a child is noticed with and without the kernel's pidfd, and left to be collected."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from greendock.lifecycle.exit_watch import watch_exit


@pytest.mark.parametrize("by_thread", [False, True])
@pytest.mark.parametrize("script", ["exit 7", "sleep 0.05; exit 7"])
def test_the_end_is_told_once_and_the_status_is_still_there(by_thread: bool, script: str) -> None:
    async def scenario() -> None:
        told: list[str] = []
        done = asyncio.Event()

        def ended() -> None:
            told.append("ended")
            done.set()

        child = subprocess.Popen(["sh", "-c", script])
        watch_exit(child.pid, ended, by_thread=by_thread)
        async with asyncio.timeout(10):
            await done.wait()
        assert child.wait() == 7
        await asyncio.sleep(0)
        assert told == ["ended"]

    asyncio.run(scenario())
