"""Fetches one file until it is there whole and right, or can't be had.

Goes on where an earlier attempt, deployment or life of the core stopped. When to try again is
`download_retry`'s to say, what is there `partial`'s. Called by downloads.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from greendock.artifacts.checksum import verify_checksum
from greendock.artifacts.download_attempts import Attempts, DownloadTools, Wait
from greendock.artifacts.download_retry import object_changed
from greendock.artifacts.model import DownloadProgress, MissingFile, ObjectInfo
from greendock.artifacts.partial import PartialFile
from greendock.artifacts.ports import DownloadListener
from greendock.artifacts.space import require_space
from greendock.base.errors import ArtifactError, DeviceError, GreendockError, Retry

_log = logging.getLogger("greendock.artifacts")
_R = TypeVar("_R")

_PIECE_BYTES = 1 << 20
_WRITE_GRACE_S = 0.5


async def describe(tools: DownloadTools, file: MissingFile) -> ObjectInfo:
    """Ask the store once. Raises GreendockError."""
    try:
        async with asyncio.timeout(tools.limits.stall_s):
            return await tools.store.describe(file.uri)
    except TimeoutError as error:
        raise _stalled(file, tools.limits.stall_s) from error


def waiting(progress: DownloadProgress, wait: Wait) -> DownloadProgress:
    """The news that a pause comes before the next attempt."""
    return replace(
        progress,
        phase="waiting",
        attempt=wait.attempt,
        next_try_at=wait.next_try_at,
        last_error=wait.last_error,
    )


class FileDownload:
    """One file of one deployment; `run` it once."""

    def __init__(
        self,
        tools: DownloadTools,
        file: MissingFile,
        partial: PartialFile,
        listener: DownloadListener,
    ) -> None:
        self._tools = tools
        self._file = file
        self._info = file.info
        self._partial = partial
        self._listener = listener
        self._progress = DownloadProgress(file.artifact.uri, "downloading")
        self._attempts = Attempts(tools, file.artifact.uri, self._waits)
        self._wrong_contents = 0

    async def run(self) -> Path:
        """The path of the finished file. Raises GreendockError; cancelled, it leaves what there
        is for the next time."""
        try:
            path = await self._attempts.run(self._step)
        except OSError as error:
            await asyncio.to_thread(self._make_room, error)
            trouble = DeviceError.of(
                f"store artifact {self._file.artifact.uri}", error, "ARTIFACT_DOWNLOAD_ERROR"
            )
            self._tell("failed")
            raise trouble from error
        except GreendockError:
            self._tell("failed")
            raise
        except asyncio.CancelledError:
            self._tell("failed")
            raise
        _log.info("%s is there, %d bytes", self._file.artifact.uri, self._progress.total_bytes)
        self._tell("pulled")
        return path

    def _waits(self, wait: Wait) -> None:
        self._listener(waiting(self._progress, wait))

    async def _step(self) -> Path:
        try:
            return await self._try()
        except GreendockError as error:
            # What is fetched next time has to be what the store has then.
            self._info = None
            if object_changed(error):
                await asyncio.to_thread(self._partial.drop)
            raise

    async def _try(self) -> Path:
        if self._info is None:
            self._info = await describe(self._tools, self._file)
        info, uri, partial = self._info, self._file.uri, self._partial
        offset = await asyncio.to_thread(partial.begin, uri, info)
        self._progress = replace(self._progress, total_bytes=info.size_bytes)
        self._tell("downloading", offset)
        if offset > 0 and await asyncio.to_thread(partial.is_finished, uri, info):
            await self._verify(partial.finished)
            return partial.finished
        action = f"fetch the bytes of artifact {self._file.artifact.uri}"
        await asyncio.to_thread(
            require_space, partial.finished.parent, info.size_bytes - offset, action
        )
        if offset < info.size_bytes:
            await self._receive(info, offset)
        await self._verify(partial.part)
        return await _finished(partial.finish)

    async def _verify(self, path: Path) -> None:
        try:
            await asyncio.to_thread(verify_checksum, self._file.artifact, path)
        except ArtifactError as error:
            await asyncio.to_thread(self._partial.drop)
            self._wrong_contents += 1
            is_wrong = "ARTIFACT_CHECKSUM_MISMATCH" in error.codes
            if is_wrong and self._wrong_contents < self._tools.limits.wrong_contents:
                error.retry = Retry.BACK_OFF
            raise

    async def _receive(self, info: ObjectInfo, offset: int) -> None:
        stall_s = self._tools.limits.stall_s
        loop = asyncio.get_running_loop()
        pieces = _Pieces(self._partial, offset)
        try:
            async with (
                asyncio.timeout(stall_s) as watchdog,
                self._tools.store.read(self._file.uri, offset, info.etag) as chunks,
            ):
                async for chunk in chunks:
                    self._attempts.progressed()
                    pieces.take(chunk)
                    if pieces.end > info.size_bytes:
                        break
                    if pieces.is_large:
                        await _finished(pieces.write)
                        self._tell("downloading", pieces.end)
                    watchdog.reschedule(loop.time() + stall_s)
        except TimeoutError as error:
            raise _stalled(self._file, stall_s) from error
        finally:
            if not pieces.is_writing:
                pieces.write(up_to=info.size_bytes)
        self._tell("downloading", min(pieces.end, info.size_bytes))
        if pieces.end != info.size_bytes:
            if pieces.end > info.size_bytes:
                await asyncio.to_thread(self._partial.drop)
            raise ArtifactError(
                f"cannot fetch artifact {self._file.artifact.uri}: the answer of the store ended "
                f"at byte {pieces.end} of {info.size_bytes}",
                codes=("ARTIFACT_DOWNLOAD_ERROR", "S3_ERROR"),
                retry=Retry.BACK_OFF,
            )

    def _make_room(self, error: OSError) -> None:
        """A disk that is full helps nobody, the next attempt least of all."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            with suppress(OSError):
                self._partial.drop()

    def _tell(self, phase: str, current_bytes: int | None = None) -> None:
        current = self._progress.total_bytes if phase == "pulled" else current_bytes
        if current is not None:
            self._progress = replace(self._progress, current_bytes=current)
        self._listener(replace(self._progress, phase=phase))


class _Pieces:
    """Gathers small chunks to pieces worth a write. `end` is the offset after the last byte."""

    def __init__(self, partial: PartialFile, offset: int) -> None:
        self._partial = partial
        self._offset = offset
        self._bytes = bytearray()
        self.is_writing = False

    @property
    def end(self) -> int:
        return self._offset + len(self._bytes)

    @property
    def is_large(self) -> bool:
        return len(self._bytes) >= _PIECE_BYTES

    def take(self, chunk: bytes) -> None:
        self._bytes += chunk

    def write(self, up_to: int | None = None) -> None:
        """Nothing when the object would become longer than `up_to`: then it is not the one."""
        if self._bytes and (up_to is None or self.end <= up_to):
            self.is_writing = True
            self._partial.add(self._offset, bytes(self._bytes))
            self._offset += len(self._bytes)
            self._bytes.clear()
            self.is_writing = False


async def _finished(work: Callable[[], _R]) -> _R:
    """Run blocking `work`; on cancel it is waited for a moment: it should write nothing later."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=_WRITE_GRACE_S)
        if task.done() and not task.cancelled():
            task.exception()
        raise


def _stalled(file: MissingFile, stall_s: float) -> ArtifactError:
    return ArtifactError(
        f"cannot fetch artifact {file.artifact.uri}: no byte came for {stall_s:g} s",
        codes=("ARTIFACT_DOWNLOAD_ERROR", "NETWORK_ERROR"),
        hint="check the network",
        retry=Retry.BACK_OFF,
    )
