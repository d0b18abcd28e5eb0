"""Downloads on a store that fails as told, on a clock that tests own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from greendock.artifacts.download_retry import DownloadLimits
from greendock.artifacts.downloads import Downloads
from greendock.artifacts.model import ComponentFiles, DownloadPlan, DownloadProgress
from greendock.base.errors import GreendockError, Retry
from greendock.base.paths import Paths
from greendock.recipe.model import Artifact

NAME, VERSION = "com.example.App", "1.0.0"
URI = "s3://bucket/app/model.bin"
CHUNK_BYTES = 64 * 1024


class StoreError(GreendockError):
    """What a store raises. `changed`: the object is another one."""

    def __init__(
        self, retry: Retry, retry_after_s: float | None = None, *, changed: bool = False
    ) -> None:
        super().__init__("cannot read it: told so", codes=("S3_ERROR",), retry=retry)
        self.retry_after_s = retry_after_s
        self.object_changed = changed


@dataclass(frozen=True)
class Info:
    size_bytes: int
    etag: str


@dataclass
class FakeStore:
    """Objects by URI. `faults` befall one read each, in turn: an error; a number of bytes after
    which the connection just ends, or, as a pair, what happens then: an error or "hang"; "hang"
    and "more" alone come at the end."""

    objects: dict[str, bytes] = field(default_factory=dict)
    describe_faults: list[Exception] = field(default_factory=list)
    faults: list[object] = field(default_factory=list)
    reads: list[tuple[str, int]] = field(default_factory=list)
    described: list[str] = field(default_factory=list)
    sent_bytes: int = 0
    open_now: int = 0
    most_open: int = 0
    on_read: Callable[[], None] = lambda: None
    hangs: asyncio.Event = field(default_factory=asyncio.Event)

    async def describe(self, uri: str) -> Info:
        self.described.append(uri)
        if self.describe_faults:
            raise self.describe_faults.pop(0)
        if uri not in self.objects:
            raise StoreError(Retry.NEVER)
        return Info(len(self.objects[uri]), etag_of(self.objects[uri]))

    @asynccontextmanager
    async def read(self, uri: str, offset: int, etag: str) -> AsyncIterator[AsyncIterator[bytes]]:
        self.reads.append((uri, offset))
        if etag != etag_of(self.objects[uri]):
            raise StoreError(Retry.NEVER, changed=True)
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Exception):
            raise fault
        self.on_read()
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            yield self._chunks(self.objects[uri][offset:], fault)
        finally:
            self.open_now -= 1

    async def _chunks(self, data: bytes, fault: object) -> AsyncIterator[bytes]:
        limit, then = fault if isinstance(fault, tuple) else (fault, fault)
        if isinstance(limit, int):
            data = data[:limit]
        for start in range(0, len(data), CHUNK_BYTES):
            await asyncio.sleep(0)
            chunk = data[start : start + CHUNK_BYTES]
            self.sent_bytes += len(chunk)
            yield chunk
        if then == "more":
            yield b"more than it said"
        if then == "hang":
            self.hangs.set()
            await asyncio.Event().wait()
        if isinstance(then, Exception):
            raise then


@dataclass
class FakeTime:
    """Clock and news of the network: pauses are over at once, and remembered."""

    time_s: float = 1_700_000_000.0
    slept: list[float] = field(default_factory=list)
    paused: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time_s

    def monotonic(self) -> float:
        return self.time_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time_s += seconds

    async def pause(self, seconds: float) -> bool:
        self.paused.append(seconds)
        self.time_s += seconds
        return False


class Bench:
    """One device; `again` is another life of its core."""

    def __init__(self, root: Path) -> None:
        self.paths = Paths(root)
        self.paths.create()
        self.store = FakeStore()
        self.time = FakeTime()
        self.news: list[DownloadProgress] = []
        self.limits = DownloadLimits()
        self.again()

    def again(self) -> None:
        self.downloads = Downloads(
            self.paths, self.store, lambda: self.time, self.time, self.limits
        )

    async def look(self, *wanted: ComponentFiles) -> DownloadPlan:
        return await self.downloads.look(wanted, self.news.append)

    async def fetch(self, *wanted: ComponentFiles) -> DownloadPlan:
        plan = await self.look(*wanted)
        self.folders = await self.downloads.fetch(plan, self.news.append)
        return plan

    def finished(self, name: str = "model.bin") -> Path:
        return self.paths.downloads / NAME / VERSION / name

    def parts(self) -> list[Path]:
        return sorted(self.paths.downloads.rglob("*.part"))

    def left(self) -> list[str]:
        return sorted(p.name for p in self.paths.downloads.rglob("*") if p.is_file())


def etag_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:8]


def content(size_bytes: int, seed: int = 1) -> bytes:
    block = hashlib.sha256(bytes([seed])).digest() * 1024
    return (block * (size_bytes // len(block) + 1))[:size_bytes]


def digest(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def artifact(data: bytes | None = None, uri: str = URI, **what: object) -> Artifact:
    """With the digest of `data`, or without one."""
    if data is None:
        return Artifact(uri, **what)  # type: ignore[arg-type]
    return Artifact(uri, digest=digest(data), algorithm="SHA-256", **what)  # type: ignore[arg-type]


def wanted(*artifacts: Artifact, **what: object) -> ComponentFiles:
    values: dict[str, object] = {"folders": (), **what}
    return ComponentFiles(NAME, VERSION, artifacts, **values)  # type: ignore[arg-type]
