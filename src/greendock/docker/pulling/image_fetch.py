"""Fetches one image that a look found to be needed: pulls, tries again, verifies.

Pulls by digest where the registry told one, so that what arrives is what was looked at, and a name
that a running component uses keeps its meaning until the deployment is applied. Knows nothing of
other images. Called by `Images`, with one per image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from greendock.docker.engine.image_store import ImageStore
from greendock.docker.engine.model import ImageInfo
from greendock.docker.errors import PullFailed
from greendock.docker.ports import PullRecord
from greendock.docker.pulling.image_attempts import AttemptTools, FallBack
from greendock.docker.pulling.image_look import Look
from greendock.docker.pulling.image_pull import ImagePull, PullLimits, PullOutcome
from greendock.docker.pulling.platform_check import PlatformCheck
from greendock.docker.pulling.pull_slots import PullSlots
from greendock.docker.reference import ImageReference


@dataclass(frozen=True, slots=True)
class FetchTools:
    """What the fetches of all images share. `protect`: keeps an image id from clean-up."""

    attempts: AttemptTools
    store: ImageStore
    slots: PullSlots
    platform: PlatformCheck
    record: PullRecord
    protect: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Fetched:
    """An image that is on the device. `digest`: the registry's, where known.

    `is_unnamed`: the reference's tag does not mean it yet.
    """

    image: ImageInfo
    digest: str | None
    pulled: bool
    is_unnamed: bool = False
    warning: str | None = None


class ImageFetcher:
    """The way of one image from "needed" to "there"."""

    def __init__(self, tools: FetchTools, look: Look) -> None:
        self._tools = tools
        self._look = look
        self._reference = look.reference
        self._wanted = _by_digest(look.reference, look.digest)

    async def fetch(self) -> Fetched:
        """Have the image on the device. Raises a DockerError."""
        with self._tools.record.fetching(self._wanted):
            return await self._fetch()

    async def _fetch(self) -> Fetched:
        look, attempts = self._look, self._look.attempts
        try:
            there = await attempts.run(lambda _: self._there())
            if there is not None:
                return await attempts.run(lambda _: self._finish(there, None))
            outcome = await attempts.run(self._attempt)
            return await attempts.run(lambda _: self._verify(outcome))
        except FallBack as fall_back:
            if look.local is None:
                raise
            look.story.fell_back(str(fall_back), look.local)
            return Fetched(look.local, look.digest, pulled=False, warning=str(fall_back))

    async def _there(self) -> ImageInfo | None:
        """The image by its digest, when another caller fetched it or another tag brought it."""
        if self._wanted is self._reference:
            return None
        return await self._tools.store.find(self._wanted)

    async def _attempt(self, number: int) -> PullOutcome:
        tools, look = self._tools, self._look
        async with tools.slots.place():
            look.story.attempt(number)
            with look.attempts.counted():
                login = await tools.attempts.credentials.of(self._reference)
                look.attempts.use(login)
                tools.record.begin(self._wanted, await self._present())
                engine, clock = tools.attempts.engine, tools.attempts.clock
                pull = ImagePull(engine, clock, self._wanted, self._reference)
                settings = tools.attempts.settings
                limits = PullLimits(
                    settings.pull_stall_s, look.attempts.left_s, settings.pull_deadline_s
                )
                return await pull.run(limits, look.story, login.auth if login else None)

    async def _present(self) -> ImageInfo | None:
        """What is there before the pull. An image that came from an archive is not found by its
        registry's digest, but has the same id in Docker's own store."""
        found = await self._tools.store.find(self._wanted)
        remote = self._look.remote
        if found is None and remote is not None and remote.is_told:
            found = await self._tools.store.find(remote.config.digest)
        return found

    async def _verify(self, outcome: PullOutcome) -> Fetched:
        """Ask the engine for what it fetched: its word is not enough."""
        image = await self._tools.store.find(self._wanted)
        if image is None or not image.id:
            raise PullFailed(
                f"cannot use {self._reference}: the engine said that it fetched the image, "
                "but has none under this name",
                hint="look into the engine's own log",
            )
        self._tools.protect(image.id)
        self._tools.record.end(self._wanted, image)
        return await self._finish(image, outcome)

    async def _finish(self, image: ImageInfo, outcome: PullOutcome | None) -> Fetched:
        """`outcome` None: nothing had to be pulled."""
        look = self._look
        self._tools.protect(image.id)
        warning = await self._tools.platform.check(self._reference, image, look.story)
        told = outcome.digest if outcome else None
        digest = look.digest or told or self._recorded(image)
        is_unnamed = await self._name(image)
        if outcome is None:
            look.story.present(image, "it is on the device under its digest")
            return Fetched(image, digest, False, is_unnamed, warning)
        if look.local is not None and look.local.id == image.id:
            look.story.present(image, "the registry has no newer one")
            return Fetched(image, digest, False, is_unnamed, warning)
        look.story.pulled(image, outcome, look.attempts.spent_s)
        return Fetched(image, digest, True, is_unnamed, warning)

    async def _name(self, image: ImageInfo) -> bool:
        """Give the image its tag at once where nothing can be using that tag; whether that is
        still to be done."""
        reference = self._reference
        if self._wanted is reference or reference.tag is None or reference.digest is not None:
            return False
        current = await self._tools.store.find(reference)
        if current is None:
            self._tools.record.named(reference, image)
            await self._tools.store.tag(image.id, reference.familiar_name, reference.tag)
        return current is not None and current.id != image.id

    def _recorded(self, image: ImageInfo) -> str | None:
        """The manifest's digest as the engine has it on record."""
        names = (self._reference.familiar_name, self._reference.name)
        for entry in image.repo_digests:
            name, _, digest = entry.partition("@")
            if name in names:
                return digest
        return self._reference.digest


def _by_digest(reference: ImageReference, digest: str | None) -> ImageReference:
    if digest is None or reference.digest is not None:
        return reference
    return ImageReference(reference.registry, reference.repository, None, digest)
