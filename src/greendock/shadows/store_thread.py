"""Runs the store's work on a thread of its own, one piece at a time, in the order of the calls.

Each change is synced to the disk, which takes milliseconds: on the event loop every message of
every component would wait for it. Thread and store begin with the first use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from greendock.shadows.errors import TooManyRequests
from greendock.shadows.store import ShadowStore

_T = TypeVar("_T")
MOST_WAITING = 256


class StoreThread:
    """`open_store` is called on the thread."""

    def __init__(self, open_store: Callable[[], ShadowStore]) -> None:
        self._open_store = open_store
        self._store: ShadowStore | None = None
        self._executor: ThreadPoolExecutor | None = None
        self.waiting = 0
        """Calls that are not answered yet."""

    async def run(self, work: Callable[[ShadowStore], _T]) -> _T:
        """What `work` gives or raises. Once begun it is carried out, also when the caller is
        cancelled. Raises TooManyRequests when the disk can't keep up, DeviceError."""
        if self.waiting >= MOST_WAITING:
            raise TooManyRequests("Too Many Requests")
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="shadows")
        self.waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, lambda: work(self._opened()))
        finally:
            self.waiting -= 1

    async def close(self) -> None:
        """After the work that waits."""
        executor, self._executor = self._executor, None
        if executor is not None:
            await asyncio.wrap_future(executor.submit(self._close_store))
            executor.shutdown()

    def _opened(self) -> ShadowStore:
        if self._store is None:
            self._store = self._open_store()
        return self._store

    def _close_store(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()
