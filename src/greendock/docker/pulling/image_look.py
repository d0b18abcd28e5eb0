"""Looks for one image before anything is fetched: on the device, then at its registry.

Says whether something has to be fetched, exactly what (digest, platform, layers with sizes), and
refuses what could not be used. Fetches nothing itself. Called by `Images`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from greendock.docker.engine.image_store import ImageStore
from greendock.docker.engine.model import ImageInfo, RegistryAuth
from greendock.docker.errors import (
    DockerError,
    EngineUnavailable,
    ImageNotFound,
    PullFailed,
    RegistryUnreachable,
)
from greendock.docker.pull_policy import Need, PullPolicy, decide_need, local_may_stand_in
from greendock.docker.pulling.image_attempts import Attempts, AttemptTools, FallBack
from greendock.docker.pulling.image_story import ImageStory
from greendock.docker.pulling.platform_check import PlatformCheck
from greendock.docker.reference import ImageReference
from greendock.docker.registry.client import Registry, RemoteImage


@dataclass(frozen=True, slots=True)
class LookTools:
    """What the looks of all images share. `protect`: keeps an image id from clean-up."""

    attempts: AttemptTools
    store: ImageStore
    registry: Registry
    platform: PlatformCheck
    protect: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Look:
    """What was found. `is_needed`: it has to be fetched.

    `remote` is None when only the engine reaches the registry, and when nothing was asked;
    `digest` is what the registry's name means now, where somebody told.
    """

    reference: ImageReference
    story: ImageStory
    attempts: Attempts
    local: ImageInfo | None
    is_needed: bool
    remote: RemoteImage | None = None
    digest: str | None = None
    warning: str | None = None


class ImageLooker:
    """Looks for one image."""

    def __init__(
        self, tools: LookTools, reference: ImageReference, policy: PullPolicy, story: ImageStory
    ) -> None:
        self._tools = tools
        self._reference = reference
        self._policy = policy
        self._story = story

    async def look(self, known_id: str | None = None) -> Look:
        """`known_id`: the image that this name means by our own records, for names that the
        engine can't look up. Raises a DockerError."""
        local = await self._tools.store.find(self._reference)
        if local is None and known_id is not None:
            local = await self._tools.store.find(known_id)
        if local is not None:
            self._tools.protect(local.id)
        self._story.needed(local, self._reference.warnings)
        is_present = local is not None
        is_pinned = self._reference.is_pinned
        need = decide_need(self._policy, is_pinned=is_pinned, is_present=is_present)
        attempts = Attempts(
            self._tools.attempts,
            self._story,
            local_may_stand_in=local_may_stand_in(
                self._policy, is_pinned=is_pinned, is_present=is_present
            ),
        )
        if need is Need.REFUSE:
            raise ImageNotFound(
                f"cannot use {self._reference}: it is not on the device, and docker.pullPolicy "
                f"is {self._policy.value}",
                hint="load the image on the device, or allow to fetch it",
            )
        if need is Need.NOTHING and local is not None:
            return await self._use(local, attempts, None)
        return await self._ask(local, attempts)

    async def _ask(self, local: ImageInfo | None, attempts: Attempts) -> Look:
        try:
            remote, digest = await attempts.run(lambda _: self._describe(attempts))
        except FallBack as fall_back:
            if local is None:
                raise
            self._story.fell_back(str(fall_back), local)
            return Look(
                self._reference, self._story, attempts, local, False, warning=str(fall_back)
            )
        if local is not None and digest is not None and self._has(local, digest):
            return await self._use(local, attempts, digest)
        if remote is not None:
            self._story.found(remote)
        return Look(self._reference, self._story, attempts, local, True, remote, digest)

    async def _use(self, local: ImageInfo, attempts: Attempts, digest: str | None) -> Look:
        """The local image is the one."""
        warning = await self._tools.platform.check(self._reference, local, self._story)
        note = "the registry has no newer one" if digest else None
        self._story.present(local, note)
        return Look(
            self._reference, self._story, attempts, local, False, digest=digest, warning=warning
        )

    async def _describe(self, attempts: Attempts) -> tuple[RemoteImage | None, str | None]:
        with attempts.counted():
            # First: a core without a proxy of its own learns the engine's by it.
            place = await self._tools.platform.place()
            login = await self._tools.attempts.credentials.of(self._reference)
            attempts.use(login)
            auth = login.auth if login else None
            try:
                remote = await self._tools.registry.describe(self._reference, place, auth)
            except RegistryUnreachable as error:
                return None, await self._engine_reaches(error, auth)
            return (remote if remote.is_told else None), remote.digest or None

    async def _engine_reaches(
        self, error: RegistryUnreachable, auth: RegistryAuth | None
    ) -> str | None:
        """The digest, where the engine reaches a registry that the core doesn't; else `error`."""
        limit_s = self._tools.attempts.settings.pull_stall_s
        try:
            digest = await self._tools.store.remote_digest(self._reference, auth, limit_s)
        except DockerError as second:
            # An engine that hangs on the registry, or has its own trouble with it, tells less.
            # So does one that fails in words that say nothing of the image.
            tells_less = isinstance(second, RegistryUnreachable | EngineUnavailable)
            if tells_less or type(second) is PullFailed:
                raise error from second
            raise second from error
        self._story.only_engine_reaches(error)
        return digest

    def _has(self, local: ImageInfo, digest: str) -> bool:
        """Whether the engine has it on record that `local` came under this digest."""
        names = (self._reference.familiar_name, self._reference.name)
        return any(
            entry.partition("@")[0] in names and entry.partition("@")[2] == digest
            for entry in local.repo_digests
        )
