"""Ensures the images of a deployment: all of them are on the device, or an error says why not.

Looks at all of them first, refuses what can't be had or can't fit, then fetches. Touches nothing
that runs: a tag that is in use keeps its meaning. Parallel up to the device's limit; each image is
fetched once whoever asks. Called by the deployment before it changes anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from weakref import WeakValueDictionary

from greendock.base.clock import Clock
from greendock.docker.engine.client import Engine
from greendock.docker.errors import DockerError
from greendock.docker.model import EnsuredImage, ImageProgress, ImageRequest, ProgressListener
from greendock.docker.ports import ImageSettings, Journal
from greendock.docker.pull_policy import PullPolicy, common_policy
from greendock.docker.pulling.image_fetch import Fetched, FetchTools, ImageFetcher
from greendock.docker.pulling.image_look import ImageLooker, Look, LookTools
from greendock.docker.pulling.image_story import ImageStory
from greendock.docker.pulling.space_check import FreeUp, SpaceCheck
from greendock.docker.reference import ImageReference, parse_artifact_uri

_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class ImageTools:
    """Everything that the image work is made of. `free_up` removes images that nothing uses;
    `known_id` tells what a name means by our own records."""

    engine: Engine
    settings: ImageSettings
    journal: Journal
    clock: Clock
    look: LookTools
    fetch: FetchTools
    space: SpaceCheck
    free_up: FreeUp
    known_id: Callable[[ImageReference], str | None]


@dataclass(slots=True)
class _Wanted:
    """One image and everybody who asked for it."""

    reference: ImageReference
    needed_by: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ImageWork:
    """What a deployment's images come to after the look. `looks` by canonical name."""

    requests: tuple[ImageRequest, ...]
    references: tuple[ImageReference, ...]
    looks: Mapping[str, Look]


class Images:
    """The images of one engine. One object per device, so that its limits hold for all."""

    def __init__(self, tools: ImageTools) -> None:
        self._tools = tools
        self._in_work: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def ensure(
        self, requests: Sequence[ImageRequest], listener: ProgressListener
    ) -> list[EnsuredImage]:
        """All images of `requests`, in their order, on the device: `look`, then `fetch`."""
        return await self.fetch(await self.look(requests, listener))

    async def look(
        self,
        requests: Sequence[ImageRequest],
        listener: ProgressListener,
        *,
        offline: bool = False,
    ) -> ImageWork:
        """What has to be fetched. Every name is read before anything is asked for.

        `offline`: what is on the device is used whatever the pull policy says. The first failure
        cancels the other looks. Raises ImageReferenceError and other DockerErrors.
        """
        references = tuple(parse_artifact_uri(request.uri) for request in requests)
        wanted: dict[str, _Wanted] = {}
        for request, reference in zip(requests, references, strict=True):
            entry = wanted.setdefault(reference.canonical, _Wanted(reference))
            entry.needed_by.extend(n for n in request.needed_by if n not in entry.needed_by)
        if not wanted:
            return ImageWork((), (), {})
        await self._wait_for_engine(wanted.values(), listener)
        self._tools.look.platform.refresh()

        async def look_at(entry: _Wanted) -> Look:
            tools = self._tools
            story = ImageStory(
                tools.journal, listener, entry.reference, tuple(entry.needed_by), tools.clock
            )
            policy = PullPolicy.IF_NOT_PRESENT if offline else self._policy(entry)
            looker = ImageLooker(tools.look, entry.reference, policy, story)
            return await _told(story, looker.look(tools.known_id(entry.reference)))

        looks = await _together({name: look_at(entry) for name, entry in wanted.items()})
        return ImageWork(tuple(requests), references, looks)

    async def data_root(self) -> str | None:
        """Where the engine keeps images on this machine; None for an engine elsewhere."""
        return await self._tools.space.data_root()

    async def fetch(self, work: ImageWork) -> list[EnsuredImage]:
        """Fetch what `work` found to be missing; refused before the first byte when it can't fit.

        The first failure cancels the other images. Cancelling takes effect at once; what the
        engine fetched completely until then stays with it.
        """
        needed = [look for look in work.looks.values() if look.is_needed]
        if needed:
            try:
                await self._tools.space.require(needed, self._tools.free_up)
            except DockerError as error:
                for look in needed:
                    look.story.failed(error)
                raise
        results = await _together({name: self._fetch(x) for name, x in work.looks.items()})
        return [
            _ensured(request, reference, results[reference.canonical])
            for request, reference in zip(work.requests, work.references, strict=True)
        ]

    async def _fetch(self, look: Look) -> Fetched:
        if not look.is_needed and look.local is not None:
            digest = look.digest or look.reference.digest or _recorded(look)
            return Fetched(look.local, digest, pulled=False, warning=look.warning)
        async with self._lock(look.reference.canonical):
            return await _told(look.story, ImageFetcher(self._tools.fetch, look).fetch())

    async def _wait_for_engine(
        self, wanted: Iterable[_Wanted], listener: ProgressListener
    ) -> None:
        def on_wait(note: str) -> None:
            self._tools.journal.write("WARN", "docker-engine-wait", note)
            for entry in wanted:
                listener(ImageProgress(entry.reference.familiar, "waiting", note=note))

        try:
            wait_s = self._tools.settings.engine_wait_s
            await self._tools.engine.wait_until_ready(wait_s, on_wait)
        except DockerError as error:
            self._tools.journal.write("ERROR", "docker-engine-failed", error.explain())
            raise

    def _lock(self, name: str) -> asyncio.Lock:
        """One fetch per image at a time: a second caller finds what the first one fetched."""
        lock = self._in_work.get(name)
        if lock is None:
            lock = self._in_work[name] = asyncio.Lock()
        return lock

    def _policy(self, entry: _Wanted) -> PullPolicy:
        components = {text.partition(" ")[0] for text in entry.needed_by}
        return common_policy(self._tools.settings.pull_policy(name) for name in components)


async def _told(story: ImageStory, work: Awaitable[_R]) -> _R:
    """`work`, whose end by cancel or failure is told in the image's story."""
    try:
        return await work
    except asyncio.CancelledError:
        story.cancelled()
        raise
    except DockerError as error:
        story.failed(error)
        raise


async def _together(work: Mapping[str, Awaitable[_R]]) -> dict[str, _R]:
    """All of it side by side; the first failure cancels the rest."""

    async def one(awaitable: Awaitable[_R]) -> _R:
        return await awaitable

    try:
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(one(each)) for name, each in work.items()}
    except ExceptionGroup as failures:
        raise _first_failure(failures) from None
    return {name: task.result() for name, task in tasks.items()}


def _first_failure(failures: ExceptionGroup[Exception]) -> Exception:
    """One is enough to tell: each is in the log. Anything but a DockerError is a defect."""
    expected = [error for error in failures.exceptions if isinstance(error, DockerError)]
    return failures if len(expected) < len(failures.exceptions) else expected[0]


def _recorded(look: Look) -> str | None:
    if look.local is None:
        return None
    names = (look.reference.familiar_name, look.reference.name)
    for entry in look.local.repo_digests:
        name, _, digest = entry.partition("@")
        if name in names:
            return digest
    return None


def _ensured(request: ImageRequest, reference: ImageReference, result: Fetched) -> EnsuredImage:
    return EnsuredImage(
        request.uri,
        result.image.id,
        result.digest,
        result.pulled,
        result.warning,
        reference=reference,
        is_unnamed=result.is_unnamed,
        needed_by=request.needed_by,
        size_bytes=result.image.size_bytes,
    )
