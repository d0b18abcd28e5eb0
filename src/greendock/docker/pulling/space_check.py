"""Refuses images that can't fit, with numbers, before anything is fetched.

Reads what the engine has and how full its disk is; frees images that nothing uses first. Called by
`Images` between looking and fetching.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence

from greendock.docker.engine.image_store import ImageStore
from greendock.docker.errors import DockerError, NoSpace
from greendock.docker.ports import ImageSettings, Journal
from greendock.docker.pulling.image_look import Look
from greendock.docker.pulling.platform_check import PlatformCheck
from greendock.docker.pulling.space import (
    MissingLayers,
    Room,
    download_bytes,
    fits_surely,
    in_words,
    lacks_surely,
    missing_layers,
)
from greendock.docker.registry.client import Registry

_CONTAINERD_ROOT = "/var/lib/containerd"
FreeUp = Callable[[], Awaitable[int]]
"""Removes images that nothing uses; the bytes that this freed."""


def disk_usage(folder: str) -> tuple[int, int] | None:
    """Free and all bytes of the file system that `folder` is on, for those who are not root; None
    when it can't be looked at."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize


class SpaceCheck:
    """For one engine."""

    def __init__(
        self,
        store: ImageStore,
        registry: Registry,
        platform: PlatformCheck,
        settings: ImageSettings,
        journal: Journal,
    ) -> None:
        self._store = store
        self._registry = registry
        self._platform = platform
        self._settings = settings
        self._journal = journal

    async def data_root(self) -> str | None:
        """Where the engine keeps images on this machine; None for one elsewhere."""
        if not self._platform.engine_is_local:
            return None
        info = await self._platform.engine_info()
        root = _CONTAINERD_ROOT if info.uses_containerd else info.data_root
        return root if root and await asyncio.to_thread(disk_usage, root) is not None else None

    async def require(self, looks: Sequence[Look], free_up: FreeUp) -> None:
        """Raise NoSpace unless everything that has to be fetched fits."""
        wanted = [look for look in looks if look.is_needed and look.remote is not None]
        if not wanted:
            return
        root = await self.data_root()
        if root is None:
            self._journal.write(
                "INFO", "docker-space-unknown", "the engine's disk can't be looked at from here"
            )
            return
        missing = missing_layers(
            [look.remote for look in wanted if look.remote is not None], await self._present()
        )
        if await self._fits(wanted, missing, root) is None:
            return
        if await free_up() > 0 and await self._fits(wanted, missing, root) is None:
            return
        lacking = await self._fits(wanted, missing, root)
        if lacking is not None:
            raise lacking

    async def _fits(
        self, looks: Sequence[Look], missing: Sequence[MissingLayers], root: str
    ) -> NoSpace | None:
        """None when it fits, else why it doesn't."""
        usage = await asyncio.to_thread(disk_usage, root)
        if usage is None:
            return None
        room = Room(root, usage[0], self._settings.disk_margin_bytes)
        download = download_bytes(missing)
        if fits_surely(download, room) or not download:
            return None
        if lacks_surely(download, room):
            return _lacking(looks, download, None, room)
        unpacked = await self._unpacked_bytes(looks, missing)
        if download + unpacked <= room.usable_bytes:
            return None
        return _lacking(looks, download, unpacked, room)

    async def _unpacked_bytes(
        self, looks: Sequence[Look], missing: Sequence[MissingLayers]
    ) -> int:
        """What the layers come to unpacked; twice the download where a registry doesn't tell."""
        place = await self._platform.place()
        total = 0
        for look, each in zip(looks, missing, strict=True):
            try:
                total += await self._registry.unpacked_bytes(
                    look.reference, each.image, each.layers, place, look.attempts.auth
                )
            except DockerError:
                total += 2 * download_bytes([each])
        return total

    async def _present(self) -> list[tuple[str, ...]]:
        found = []
        for row in await self._store.images():
            image = await self._store.find(row.id)
            if image is not None:
                found.append(image.diff_ids)
        return found


def _lacking(looks: Sequence[Look], download: int, unpacked: int | None, room: Room) -> NoSpace:
    names = ", ".join(str(look.reference) for look in looks[:5])
    more = f" and {len(looks) - 5} more" if len(looks) > 5 else ""
    least = "at least " if unpacked is None else ""
    unpacked = download if unpacked is None else unpacked
    return NoSpace(
        f"cannot fetch {names}{more}: {least}{in_words(download + unpacked)} are needed "
        f"({in_words(download)} to download, {least}{in_words(unpacked)} unpacked), {room.place} "
        f"has {in_words(room.free_bytes)} free, of which {in_words(room.margin_bytes)} have to "
        "stay free (docker.diskMarginBytes)",
        hint=f"free space on the file system of {room.place}, for example with `greendock image "
        "prune`; nothing was fetched",
    )
