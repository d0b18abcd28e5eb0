"""Makes room when the disk that holds images is fuller than its watermark.

Looks and prunes once per call; the core calls it every few minutes and after deployments. Removes
only what clean-up would remove anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from greendock.docker.ports import ImageSettings, Journal
from greendock.docker.pulling.space import in_words
from greendock.docker.pulling.space_check import FreeUp, disk_usage

DataRoot = Callable[[], Awaitable[str | None]]


def is_over(free_bytes: int, total_bytes: int, percent: float) -> bool:
    """Whether more than `percent` of a file system is used."""
    return total_bytes > 0 and (total_bytes - free_bytes) * 100 > percent * total_bytes


class Watermark:
    """For one engine. `data_root`: where it keeps images, None when that can't be looked at."""

    def __init__(
        self, data_root: DataRoot, free_up: FreeUp, settings: ImageSettings, journal: Journal
    ) -> None:
        self._data_root = data_root
        self._free_up = free_up
        self._settings = settings
        self._journal = journal

    async def keep(self) -> int:
        """Bytes freed. Raises DockerError when the engine can't be asked."""
        root = await self._data_root()
        usage = await asyncio.to_thread(disk_usage, root) if root else None
        percent = self._settings.disk_high_watermark_percent
        if usage is None or not is_over(*usage, percent):
            return 0
        freed = await self._free_up()
        text = (
            f"{root} is more than {percent:g} % full (docker.diskHighWatermarkPercent): "
            + (f"{in_words(freed)} of images that nothing needs were removed" if freed else "")
            + ("" if freed else "there is no image that could go")
        )
        self._journal.write("WARN", "docker-disk-watermark", text)
        return freed
