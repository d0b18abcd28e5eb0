"""The distribution protocol: what a registry says of an image before the engine fetches it.

Sizes, digests and platforms, each checked against its digest, and the registry's true answer where
it refuses. Fetches no layer, stores nothing, tries nothing twice: whoever calls decides about
that. Called by the image job and by `image explain`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from greendock.base.clock import Clock
from greendock.base.errors import Retry
from greendock.docker.engine.model import RegistryAuth
from greendock.docker.errors import (
    DockerError,
    PlatformMismatch,
    PullFailed,
    RegistryUnreachable,
)
from greendock.docker.platform_match import Match, Platform, match_platform
from greendock.docker.reference import ImageReference
from greendock.docker.registry import unpacked_size
from greendock.docker.registry.answers import BLOB, MANIFEST, mismatch, unreadable
from greendock.docker.registry.endpoints import Endpoint, RegistryPlace, endpoints_for
from greendock.docker.registry.logins import Tickets
from greendock.docker.registry.manifest import (
    MANIFEST_TYPES,
    Blob,
    ImageConfig,
    Index,
    Manifest,
    OldManifest,
    choose,
    digest_of,
    has_digest,
    offered,
    read_config,
    read_manifest,
)
from greendock.docker.registry.session import Found, Question, RegistrySession, SessionTools
from greendock.docker.registry.trust import ENGINE_CERTIFICATES, read_trust
from greendock.net.http import HttpClient

_MOST_MANIFEST_BYTES = 4 * 1024 * 1024
_MOST_CONFIG_BYTES = 8 * 1024 * 1024
_NOTHING = Blob("", 0, "")


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """An image as its registry has it. Empty texts and () where the registry doesn't tell.

    `digest`: of what the reference names, an index or a manifest. `manifest_digest`: of the
    manifest for the platform. `config`: its digest is the image's id in Docker's own store.
    `layers` and `diff_ids`: the lowest first.
    """

    digest: str
    manifest_digest: str
    platform: Platform
    config: Blob
    layers: tuple[Blob, ...]
    diff_ids: tuple[str, ...]

    @property
    def is_told(self) -> bool:
        """False for a schema 1 manifest, and for a registry that only the engine can ask."""
        return bool(self.config.digest)


class Registry:
    """Asks registries; keeps their tokens in memory. Belongs to the event loop of `http`.

    `certificates`: the engine's folder of certificates, read where the engine is local.
    """

    def __init__(
        self,
        http: HttpClient,
        clock: Clock,
        *,
        stall_s: float = 30.0,
        certificates: Path = ENGINE_CERTIFICATES,
    ) -> None:
        self._tools = SessionTools(http, clock, Tickets(), stall_s)
        self._certificates = certificates
        self._served_by: dict[str, Endpoint] = {}

    async def describe(
        self, reference: ImageReference, place: RegistryPlace, auth: RegistryAuth | None
    ) -> RemoteImage:
        """What `reference` is for the engine of `place`. Raises a DockerError with its `step`."""
        endpoints = endpoints_for(reference.registry, place)
        for endpoint in endpoints:
            session = await self._session(endpoint, place, reference, auth)
            try:
                found = await _Description(session, reference, place).read()
            except DockerError as error:
                if endpoint == endpoints[-1] or not _goes_on(endpoint, error):
                    raise
            else:
                self._served_by[reference.name] = endpoint
                return found
        return _untold(reference.digest or "", Platform("", ""))

    async def unpacked_bytes(
        self,
        reference: ImageReference,
        image: RemoteImage,
        layers: Sequence[Blob],
        place: RegistryPlace,
        auth: RegistryAuth | None,
    ) -> int:
        """About how much disk those `layers` of `image` take when they are unpacked.

        `image` comes from `describe`. Who served it is asked again, for the last bytes of each
        gzip layer; where that tells nothing, a usual ratio counts. Raises a DockerError when the
        registry can't be asked at all now.
        """
        endpoint = self._served_by.get(reference.name)
        wanted = [layer for layer in image.layers if layer in set(layers)]
        asked = [layer for layer in wanted if unpacked_size.is_gzip(layer.media_type)]
        endings: dict[str, bytes] = {}
        if asked and endpoint is not None:
            session = await self._session(endpoint, place, reference, auth)
            for layer in asked:
                endings[layer.digest] = endings.get(layer.digest) or await _ending(session, layer)
        return sum(
            unpacked_size.estimate(x.size_bytes, x.media_type, endings.get(x.digest, b""))
            for x in wanted
        )

    async def _session(
        self,
        endpoint: Endpoint,
        place: RegistryPlace,
        reference: ImageReference,
        auth: RegistryAuth | None,
    ) -> RegistrySession:
        folder = self._certificates if place.is_local else None
        trust = await asyncio.to_thread(read_trust, endpoint, folder)
        return RegistrySession(self._tools, endpoint, trust, reference, auth)


class _Description:
    """Reads one image at one endpoint."""

    def __init__(
        self, session: RegistrySession, reference: ImageReference, place: RegistryPlace
    ) -> None:
        self._session = session
        self._reference = reference
        self._place = place

    async def read(self) -> RemoteImage:
        wanted = self._reference.digest or self._reference.tag or "latest"
        document, digest = await self._manifest(wanted)
        manifest_digest = digest
        if isinstance(document, Index):
            manifest_digest = self._choice(document)
            document, _ = await self._manifest(manifest_digest)
        if isinstance(document, OldManifest):
            platform = Platform("linux", document.architecture)
            self._require(ImageConfig(platform, "", ()))
            return _untold(digest, platform)
        if isinstance(document, Index):
            raise unreadable(
                self._session.subject(_manifest_question(manifest_digest)),
                "an index in an index",
                Retry.NEVER,
            )
        config = await self._config(document)
        self._require(config)
        told = len(config.diff_ids) == len(document.layers)
        return RemoteImage(
            digest,
            manifest_digest,
            config.platform,
            document.config,
            document.layers,
            config.diff_ids if told else (),
        )

    async def _manifest(self, wanted: str) -> tuple[Manifest | Index | OldManifest, str]:
        """The document, and its digest; an empty one where nothing vouches for a digest."""
        question = _manifest_question(wanted)
        found = await self._session.get(question)
        subject = self._session.subject(question)
        is_digest = ":" in wanted
        try:
            document = read_manifest(found.body)
        except ValueError as error:
            if is_digest and not has_digest(found.body, wanted):
                raise mismatch(subject, wanted) from error
            raise unreadable(subject, str(error)) from error
        if isinstance(document, OldManifest):  # its digest leaves out the signature it carries
            return document, wanted if is_digest else ""
        if is_digest and not has_digest(found.body, wanted):
            raise mismatch(subject, wanted)
        return document, wanted if is_digest else _digest(found)

    async def _config(self, manifest: Manifest) -> ImageConfig:
        blob = manifest.config
        question = Question(BLOB, f"blobs/{blob.digest}", blob.digest, {}, _MOST_CONFIG_BYTES)
        found = await self._session.get(question)
        subject = self._session.subject(question)
        if not has_digest(found.body, blob.digest):
            raise mismatch(subject, blob.digest)
        try:
            return read_config(found.body)
        except ValueError as error:
            raise PullFailed(
                f"{subject.task}: its configuration is none of an image: {error}",
                step=BLOB,
                hint="is it an image? Registries keep other things too",
            ) from error

    def _choice(self, index: Index) -> str:
        """The digest of the manifest for the engine. Raises PlatformMismatch."""
        found = choose(index, self._place.platform, self._place.variant)
        if found is None:
            raise self._wrong_platform(offered(index.offers), MANIFEST)
        return found.manifest.digest

    def _require(self, config: ImageConfig) -> None:
        place = self._place
        if match_platform(config.platform, place.platform, place.emulated) is Match.WRONG:
            variant = f"/{config.variant}" if config.variant else ""
            raise self._wrong_platform(f"{config.platform}{variant}", BLOB)

    def _wrong_platform(self, offers: str, step: str) -> PlatformMismatch:
        variant = f"/{self._place.variant}" if self._place.variant else ""
        return PlatformMismatch(
            f"cannot use {self._reference}: the registry has it for {offers}, "
            f"the engine runs {self._place.platform}{variant}",
            step=step,
        )


def _manifest_question(wanted: str) -> Question:
    accept = {"Accept": ", ".join(MANIFEST_TYPES)}
    return Question(MANIFEST, f"manifests/{wanted}", wanted, accept, _MOST_MANIFEST_BYTES)


def _digest(found: Found) -> str:
    """The registry's word for the digest, where the bytes bear it out."""
    told = found.headers.get("docker-content-digest", "")
    return told if has_digest(found.body, told) else digest_of(found.body)


def _untold(digest: str, platform: Platform) -> RemoteImage:
    return RemoteImage(digest, digest, platform, _NOTHING, (), ())


async def _ending(session: RegistrySession, layer: Blob) -> bytes:
    """The last bytes of a layer; empty when the registry gives no part of it."""
    headers = {"Range": f"bytes=-{unpacked_size.ENDING_BYTES}"}
    question = Question(
        BLOB, f"blobs/{layer.digest}", layer.digest, headers, unpacked_size.ENDING_BYTES
    )
    try:
        found = await session.get(question, good=frozenset({206}))
    except DockerError as error:
        if error.retry is Retry.NEVER and not isinstance(error, RegistryUnreachable):
            return b""
        raise
    return found.body


def _goes_on(endpoint: Endpoint, error: DockerError) -> bool:
    """Whether the next endpoint is asked: after any failure of a mirror, and where an insecure
    registry may speak plain HTTP only."""
    return not endpoint.is_own or isinstance(error, RegistryUnreachable)
