"""The limit on pulls holds, follows its setting and survives cancelled callers."""

from __future__ import annotations

import asyncio

from greendock.docker.pulling.pull_slots import PullSlots


class Holders:
    """Tasks that hold a place until they are let go."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.slots = PullSlots(lambda: self.limit)
        self.holding: list[int] = []
        self.release = asyncio.Event()

    async def hold(self, number: int) -> None:
        async with self.slots.place():
            self.holding.append(number)
            await self.release.wait()

    async def start(self, count: int) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self.hold(number)) for number in range(count)]
        await settle()
        return tasks


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_no_more_than_the_limit_at_a_time_and_first_come_first_served():
    async def scenario():
        holders = Holders(2)
        tasks = await holders.start(5)
        assert holders.holding == [0, 1]
        holders.release.set()
        await asyncio.gather(*tasks)
        assert holders.holding == [0, 1, 2, 3, 4]

    asyncio.run(scenario())


def test_a_raised_limit_counts_when_a_place_is_given_back():
    async def scenario():
        holders = Holders(1)
        tasks = await holders.start(4)
        holders.limit = 3
        tasks[0].cancel()
        await settle()
        assert holders.holding == [0, 1, 2, 3]
        holders.release.set()
        await asyncio.gather(*tasks[1:])

    asyncio.run(scenario())


def test_cancelled_callers_leave_no_place_taken():
    async def scenario():
        holders = Holders(1)
        tasks = await holders.start(4)
        tasks[1].cancel()
        tasks[0].cancel()
        tasks[2].cancel()
        await settle()
        assert holders.holding == [0, 3]
        tasks[3].cancel()
        await settle()
        async with asyncio.timeout(5), holders.slots.place():
            pass

    asyncio.run(scenario())
