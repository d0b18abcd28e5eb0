"""What the image work needs from outside, for whoever builds it to fill."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from greendock.docker.model import RegistryAccount
from greendock.docker.pull_policy import PullPolicy
from greendock.docker.reference import ImageReference

if TYPE_CHECKING:
    from greendock.docker.engine.model import ImageInfo


class ImageSettings(Protocol):
    """Configuration, read at each use so that a change counts for the next image."""

    @property
    def engine_wait_s(self) -> float:
        """`docker.engineWaitSeconds`."""

    @property
    def max_concurrent_pulls(self) -> int:
        """`docker.maxConcurrentPulls`, for the whole device."""

    @property
    def pull_deadline_s(self) -> float:
        """`docker.pullDeadlineSeconds`, for one image with all tries and pauses."""

    @property
    def pull_stall_s(self) -> float:
        """`docker.pullStallSeconds`, without any news of the engine."""

    @property
    def disk_margin_bytes(self) -> int:
        """`docker.diskMarginBytes`: what has to stay free where images are kept."""

    @property
    def disk_high_watermark_percent(self) -> float:
        """`docker.diskHighWatermarkPercent`: above it, images that nothing uses go."""

    @property
    def registry_accounts(self) -> Mapping[str, RegistryAccount]:
        """`docker.registries`, by host with port in Docker's normal form."""

    def pull_policy(self, component: str) -> PullPolicy:
        """`docker.pullPolicy` of the component with this name, else of the core."""


class PullRecord(Protocol):
    """Remembers, durably, which images are here because we fetched them."""

    def fetching(self, reference: ImageReference) -> AbstractContextManager[None]:
        """While it is open nobody else judges what came of the pull."""

    def begin(self, reference: ImageReference, present: ImageInfo | None) -> None:
        """A pull is about to start; `present`: what the engine has under that name now."""

    def end(self, reference: ImageReference, image: ImageInfo) -> None:
        """The pull is done, and this is what came of it."""

    def named(self, reference: ImageReference, image: ImageInfo) -> None:
        """We gave the image this name."""


class Journal(Protocol):
    """The log `aws.greengrass.DockerApplicationManager`."""

    def write(self, level: str, event: str, message: str, **contexts: str) -> None:
        """`level`: DEBUG, INFO, WARN or ERROR. `event`: a fixed name to search for."""


class EcrAuthorization(Protocol):
    """A password for one private ECR registry. Nothing of it may be shown or stored."""

    @property
    def username(self) -> str: ...

    @property
    def password(self) -> str: ...

    @property
    def expires_at(self) -> float:
        """Seconds since the epoch."""


class EcrTokens(Protocol):
    """Amazon ECR's GetAuthorizationToken, called with this device's AWS credentials."""

    async def authorization(self, account: str, region: str, host: str) -> EcrAuthorization:
        """A new password each time. `host`: the registry's host name, which tells partition,
        FIPS and dual-stack. Raises GreendockError with `codes`, `hint` and `retry` that say who
        refused and what to do."""
