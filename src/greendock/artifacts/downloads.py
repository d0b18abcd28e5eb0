"""Fetches the artifacts of a deployment from the object store: look, fetch, clear.

`look` says what there is to fetch and refuses what would not fit; `fetch` brings the files into
the core's downloads folder, from where staging takes them; image archives are fetched when
somebody asks for them. Nothing that is live is touched. Called by the deployment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from greendock.artifacts.checksum import verify_checksum
from greendock.artifacts.download_attempts import Attempts, DownloadTools, Wait
from greendock.artifacts.download_retry import DownloadLimits
from greendock.artifacts.download_scan import FoundArchive, Scan, scan
from greendock.artifacts.file_download import FileDownload, describe, waiting
from greendock.artifacts.model import (
    ArchiveFile,
    ComponentFiles,
    DownloadPlan,
    DownloadProgress,
    MissingFile,
    ObjectInfo,
)
from greendock.artifacts.partial import PartialFile, sweep
from greendock.artifacts.ports import DownloadListener, NetworkPause, ObjectStore
from greendock.artifacts.space import require_space
from greendock.base.clock import Clock
from greendock.base.errors import ArtifactError, DeviceError
from greendock.base.paths import Paths

_R = TypeVar("_R")
_PARTS_KEPT_S = 7 * 86400.0


class Downloads:
    """The downloads of one core; one deployment at a time."""

    def __init__(
        self,
        paths: Paths,
        store: ObjectStore,
        network: Callable[[], NetworkPause],
        clock: Clock,
        limits: DownloadLimits | None = None,
    ) -> None:
        """`network`: where the news of the network come from."""
        self._paths = paths
        self._tools = DownloadTools(store, network, clock, limits or DownloadLimits())
        self._slots = asyncio.Semaphore(self._tools.limits.files_at_once)

    async def look(
        self,
        wanted: Sequence[ComponentFiles],
        listener: DownloadListener,
        *,
        offline: bool = False,
    ) -> DownloadPlan:
        """What has to be fetched. Raises ArtifactError, DeviceError (no space), errors of the
        store. `offline`: what is missing is an error."""
        found = await self._scan(wanted)
        if offline:
            _require_all([*found.missing, *_unknown(found.archives)])
        places = [self._place(file) for file in found.missing]
        archive_places = [self._place(archive.missing) for archive in found.archives]
        # What an earlier deployment left would be taken for given files.
        await self._sweep(frozenset(place.finished for place in (*places, *archive_places)))
        slots = asyncio.Semaphore(self._tools.limits.looks_at_once)

        async def look_at(file: MissingFile) -> MissingFile:
            async with slots:
                return replace(file, info=await self._describe(file, listener))

        async def identify(archive: FoundArchive) -> ArchiveFile:
            async with slots:
                return await self._archive(archive, listener, offline=offline)

        missing = await _all(look_at(file) for file in found.missing)
        archives = await _all(identify(archive) for archive in found.archives)
        needed = 0
        for file, place in zip(missing, places, strict=True):
            if file.info is not None:
                there = await asyncio.to_thread(place.bytes_there, file.uri, file.info)
                needed += file.info.size_bytes - there
        if needed:
            require_space(self._paths.downloads, needed, "fetch artifacts")
        fetched = (*missing, *(a.missing for a in found.archives if a.path is None))
        return DownloadPlan(
            files=found.files,
            missing=tuple(missing),
            archives=tuple(archives),
            warnings=tuple(_unchecked(f) for f in fetched if f.artifact.digest is None),
            needed_bytes=needed,
        )

    async def fetch(self, plan: DownloadPlan, listener: DownloadListener) -> tuple[Path, ...]:
        """Everything missing into the downloads folder, which is returned as an artifact folder;
        nothing when nothing is missing. The first error ends the other downloads."""
        if not plan.missing:
            return ()
        await _all(self._download(file, listener) for file in plan.missing)
        return (self._paths.downloads,)

    async def finish(self, plan: DownloadPlan) -> None:
        """What was fetched has been taken over: finished files go, and parts of long ago."""
        await self._sweep(frozenset())

    async def _scan(self, wanted: Sequence[ComponentFiles]) -> Scan:
        try:
            return await asyncio.to_thread(scan, self._paths, wanted)
        except OSError as error:
            action = "look through the artifacts on this device"
            raise DeviceError.of(action, error, "ARTIFACT_DOWNLOAD_ERROR") from error

    async def _describe(self, file: MissingFile, listener: DownloadListener) -> ObjectInfo:
        def told(wait: Wait) -> None:
            listener(waiting(DownloadProgress(file.artifact.uri, "waiting"), wait))

        attempts = Attempts(self._tools, file.artifact.uri, told)
        return await attempts.run(lambda: describe(self._tools, file))

    async def _archive(
        self, found: FoundArchive, listener: DownloadListener, *, offline: bool
    ) -> ArchiveFile:
        file, artifact = found.missing, found.missing.artifact
        if artifact.digest:
            identity = artifact.digest
        elif found.path is not None:
            identity = await asyncio.to_thread(_file_identity, found.path)
        elif found.known is not None:
            identity = found.known
        else:
            info = await self._describe(file, listener)
            file = replace(file, info=info)
            identity = f"s3:{info.etag}:{info.size_bytes}"
        obtain = partial(self._obtain, file, found.path, listener, offline=offline)
        return ArchiveFile(file.component, file.version, artifact.uri, identity, obtain)

    async def _obtain(
        self, file: MissingFile, path: Path | None, listener: DownloadListener, *, offline: bool
    ) -> Path:
        if path is None:
            if offline:
                _require_all([file])
            _require_source(file)
            return await self._download(file, listener)
        try:
            await asyncio.to_thread(verify_checksum, file.artifact, path)
        except OSError as error:
            action = f"read artifact {file.artifact.uri}"
            raise DeviceError.of(action, error, "ARTIFACT_DOWNLOAD_ERROR") from error
        return path

    async def _download(self, file: MissingFile, listener: DownloadListener) -> Path:
        async with self._slots:
            return await FileDownload(self._tools, file, self._place(file), listener).run()

    def _place(self, file: MissingFile) -> PartialFile:
        return PartialFile(
            self._paths.downloads, file.component, file.version, file.artifact.file_name
        )

    async def _sweep(self, keep: frozenset[Path]) -> None:
        limit = self._tools.clock.now() - _PARTS_KEPT_S
        await asyncio.to_thread(sweep, self._paths.downloads, keep, limit)


def _file_identity(path: Path) -> str:
    status = path.stat()
    return f"file:{status.st_size}:{status.st_mtime_ns}"


async def _all(works: Iterable[Coroutine[Any, Any, _R]]) -> list[_R]:
    """Side by side; the first error cancels the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in works]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    return [task.result() for task in tasks]


def _unchecked(file: MissingFile) -> str:
    return (
        f"{file.component} {file.version}: {file.artifact.uri} has no Digest in the recipe, so "
        "what is fetched can't be checked"
    )


def _unknown(archives: Sequence[FoundArchive]) -> list[MissingFile]:
    """Archives that are not here and were never loaded with this content."""
    return [
        found.missing
        for found in archives
        if found.path is None
        and (found.known is None or found.missing.artifact.digest not in (None, found.known))
    ]


def _require_source(file: MissingFile) -> None:
    if file.artifact.scheme != "s3":
        raise ArtifactError(
            f"cannot load {file.uri} of {file.component}: the images that came of it are not on "
            "this device any more, and neither is the file",
            codes=("ARTIFACT_DOWNLOAD_ERROR", "DEVICE_CONFIG_NOT_VALID_FOR_ARTIFACT_DOWNLOAD"),
            hint="give the folder that holds it with --artifactDir",
        )


def _require_all(missing: Sequence[MissingFile]) -> None:
    if missing:
        names = ", ".join(f"{file.uri} of {file.component}" for file in missing[:5])
        raise ArtifactError(
            f"cannot get {names}: not on this device, and nothing is fetched offline",
            hint="deploy without --offline, or give the files with --artifactDir",
        )
