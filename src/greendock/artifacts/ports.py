"""What fetching files needs from outside, for whoever builds it to fill."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from greendock.artifacts.model import DownloadProgress, ObjectInfo

DownloadListener = Callable[[DownloadProgress], None]


class ObjectStore(Protocol):
    """Files by URI (`s3://bucket/key`). Errors are GreendockErrors whose `retry` says whether
    trying again can help. They may have `retry_after_s` (how long the store wants to be left
    alone) and `object_changed` (true: what is there already is of no use any more)."""

    async def describe(self, uri: str) -> ObjectInfo: ...

    def read(
        self, uri: str, offset: int, etag: str
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The content from `offset` on, of the object with this `etag` and no other."""


class NetworkPause(Protocol):
    """Waiting that the return of the network cuts short."""

    async def pause(self, seconds: float) -> bool: ...
