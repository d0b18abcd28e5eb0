"""Ensures the images of a deployment: all of them are on the device, or an error says why not.

Touches nothing that runs. Parallel up to the device's limit; each image is fetched once whoever
asks. Called by the deployment before it changes anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from greendock.base.clock import Clock, SystemClock
from greendock.docker.emulation import emulated_architectures
from greendock.docker.engine import Engine
from greendock.docker.errors import DockerError
from greendock.docker.image_job import ImageJob, JobResult, JobTools
from greendock.docker.image_story import ImageStory
from greendock.docker.model import EnsuredImage, ImageProgress, ImageRequest, ProgressListener
from greendock.docker.platform_match import Match, Platform, match_platform
from greendock.docker.ports import ImageSettings, Journal
from greendock.docker.pull_policy import PullPolicy, RetryLimits, common_policy
from greendock.docker.pull_slots import PullSlots
from greendock.docker.reference import ImageReference, parse_artifact_uri


@dataclass(slots=True)
class _Wanted:
    """One image and everybody who asked for it."""

    reference: ImageReference
    needed_by: list[str] = field(default_factory=list)


class Images:
    """The images of one engine. One object per device, so that its limits hold for all."""

    def __init__(
        self,
        engine: Engine,
        settings: ImageSettings,
        journal: Journal,
        *,
        clock: Clock | None = None,
        retry_limits: RetryLimits | None = None,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._journal = journal
        self._tools = JobTools(
            engine,
            settings,
            clock or SystemClock(),
            PullSlots(lambda: settings.max_concurrent_pulls),
            retry_limits or RetryLimits(),
            self._match,
        )
        self._in_work: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._engine_platform: Platform | None = None

    async def ensure(
        self, requests: Sequence[ImageRequest], listener: ProgressListener
    ) -> list[EnsuredImage]:
        """All images of `requests`, in their order, present on the device.

        Every name is read before anything is fetched. The first failure cancels the other
        images. Raises ImageReferenceError and other DockerErrors. Cancelling takes effect at
        once; what the engine fetched completely until then stays with it.
        """
        references = [parse_artifact_uri(request.uri) for request in requests]
        wanted: dict[str, _Wanted] = {}
        for request, reference in zip(requests, references, strict=True):
            entry = wanted.setdefault(reference.canonical, _Wanted(reference))
            entry.needed_by.extend(n for n in request.needed_by if n not in entry.needed_by)
        if not wanted:
            return []
        await self._wait_for_engine(wanted, listener)
        results = await self._run_all(wanted, listener)
        return [
            _ensured(request.uri, results[reference.canonical])
            for request, reference in zip(requests, references, strict=True)
        ]

    async def _wait_for_engine(
        self, wanted: dict[str, _Wanted], listener: ProgressListener
    ) -> None:
        def on_wait(note: str) -> None:
            self._journal.write("WARN", "docker-engine-wait", note)
            for entry in wanted.values():
                listener(ImageProgress(entry.reference.familiar, "waiting", note=note))

        try:
            await self._engine.wait_until_ready(self._settings.engine_wait_s, on_wait)
        except DockerError as error:
            self._journal.write("ERROR", "docker-engine-failed", error.explain())
            raise

    async def _run_all(
        self, wanted: dict[str, _Wanted], listener: ProgressListener
    ) -> dict[str, JobResult]:
        failure: DockerError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {
                    name: group.create_task(self._run(name, entry, listener))
                    for name, entry in wanted.items()
                }
        except ExceptionGroup as failures:
            failure = _first_failure(failures)
        if failure is not None:
            raise failure
        return {name: task.result() for name, task in tasks.items()}

    async def _run(self, name: str, entry: _Wanted, listener: ProgressListener) -> JobResult:
        story = ImageStory(self._journal, listener, entry.reference, tuple(entry.needed_by))
        job = ImageJob(self._tools, entry.reference, self._policy(entry), story)
        try:
            async with self._lock(name):
                return await job.run()
        except asyncio.CancelledError:
            story.cancelled()
            raise
        except DockerError as error:
            story.failed(error)
            raise

    def _lock(self, name: str) -> asyncio.Lock:
        """One job per image at a time: a second caller finds what the first one fetched."""
        lock = self._in_work.get(name)
        if lock is None:
            lock = self._in_work[name] = asyncio.Lock()
        return lock

    def _policy(self, entry: _Wanted) -> PullPolicy:
        components = {text.partition(" ")[0] for text in entry.needed_by}
        return common_policy(self._settings.pull_policy(name) for name in components)

    async def _match(self, image: Platform) -> tuple[Match, Platform]:
        if self._engine_platform is None:
            info = await self._engine.info()
            self._engine_platform = Platform(info.os, info.architecture)
        is_local = self._engine.address.socket_path is not None
        emulated = None
        if image.architecture != self._engine_platform.architecture and is_local:
            emulated = await asyncio.to_thread(emulated_architectures)
        return match_platform(image, self._engine_platform, emulated), self._engine_platform


def _first_failure(failures: ExceptionGroup[Exception]) -> DockerError:
    """One is enough to tell: each is in the log. Anything but a DockerError is a defect."""
    expected = [error for error in failures.exceptions if isinstance(error, DockerError)]
    if len(expected) < len(failures.exceptions):
        raise failures
    return expected[0]


def _ensured(uri: str, result: JobResult) -> EnsuredImage:
    return EnsuredImage(uri, result.image.id, result.digest, result.pulled, result.warning)
