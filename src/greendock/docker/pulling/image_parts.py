"""Puts the image work of one engine together from what its user brings; no logic.

Called by the daemon, and by tests with parts of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from greendock.base.clock import Clock
from greendock.docker.credentials.registry_credentials import RegistryCredentials
from greendock.docker.engine.client import Engine
from greendock.docker.engine.image_store import ImageStore
from greendock.docker.ports import ImageSettings, Journal, PullRecord
from greendock.docker.pull_policy import RetryLimits
from greendock.docker.pulling.image_attempts import AttemptTools, NetworkPause
from greendock.docker.pulling.image_fetch import FetchTools
from greendock.docker.pulling.image_look import LookTools
from greendock.docker.pulling.images import Images, ImageTools
from greendock.docker.pulling.platform_check import PlatformCheck
from greendock.docker.pulling.pull_slots import PullSlots
from greendock.docker.pulling.space_check import FreeUp, SpaceCheck
from greendock.docker.reference import ImageReference
from greendock.docker.registry.client import Registry


@dataclass(frozen=True, slots=True)
class ImageParts:
    """What the user of the image work brings."""

    engine: Engine
    platform: PlatformCheck
    settings: ImageSettings
    journal: Journal
    clock: Clock
    registry: Registry
    credentials: RegistryCredentials
    network: NetworkPause
    record: PullRecord
    free_up: FreeUp
    protect: Callable[[str], None]
    known_id: Callable[[ImageReference], str | None]
    limits: RetryLimits = field(default_factory=RetryLimits)


def images_of(parts: ImageParts) -> Images:
    """The image work for `parts.engine`."""
    store = ImageStore(parts.engine)
    attempts = AttemptTools(
        parts.engine,
        parts.settings,
        parts.credentials,
        parts.clock,
        parts.network,
        parts.limits,
    )
    slots = PullSlots(lambda: parts.settings.max_concurrent_pulls)
    return Images(
        ImageTools(
            engine=parts.engine,
            settings=parts.settings,
            journal=parts.journal,
            clock=parts.clock,
            look=LookTools(attempts, store, parts.registry, parts.platform, parts.protect),
            fetch=FetchTools(attempts, store, slots, parts.platform, parts.record, parts.protect),
            space=SpaceCheck(store, parts.registry, parts.platform, parts.settings, parts.journal),
            free_up=parts.free_up,
            known_id=parts.known_id,
        )
    )
