"""The rooms of the Docker application manager, built for one engine.

Imported when a core first needs an image: it loads the HTTP client and everything below. Decides
nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from greendock.base.clock import Clock
from greendock.daemon.core_settings import CoreSettings
from greendock.daemon.outside import Outside
from greendock.docker.credentials.registry_credentials import RegistryCredentials
from greendock.docker.engine.client import Engine
from greendock.docker.engine.image_store import ImageStore
from greendock.docker.keeping.archives import Archives, ArchiveTools
from greendock.docker.keeping.image_change import ImageChange
from greendock.docker.keeping.image_record import LedgerRecord
from greendock.docker.keeping.image_removal import ImageRemoval
from greendock.docker.keeping.ledger import ImageLedger
from greendock.docker.keeping.tag_switch import TagSwitch
from greendock.docker.keeping.watermark import Watermark
from greendock.docker.ports import Journal
from greendock.docker.pulling.image_parts import ImageParts, images_of
from greendock.docker.pulling.images import Images
from greendock.docker.pulling.platform_check import PlatformCheck
from greendock.docker.registry.client import Registry


@dataclass(frozen=True, slots=True)
class DockerParts:
    """The rooms, for one engine."""

    engine: Engine
    store: ImageStore
    platform: PlatformCheck
    credentials: RegistryCredentials
    images: Images
    archives: Archives
    change: ImageChange
    removal: ImageRemoval
    watermark: Watermark


@dataclass(frozen=True, slots=True)
class Needs:
    """What the rooms are built from."""

    engine: Engine
    settings: CoreSettings
    journal: Journal
    ledger: ImageLedger
    clock: Clock
    outside: Outside


def build(needs: Needs) -> DockerParts:
    """For one engine."""
    settings, journal, ledger = needs.settings, needs.journal, needs.ledger
    clock, outside = needs.clock, needs.outside
    engine = needs.engine
    store = ImageStore(engine)
    record = LedgerRecord(ledger)
    removal = ImageRemoval(store, ledger, record, journal)
    change = ImageChange(ledger, TagSwitch(store, ledger, journal), removal, journal)
    platform = PlatformCheck(engine)
    credentials = RegistryCredentials(settings, outside, journal, clock, os.environ)
    images = images_of(
        ImageParts(
            engine=engine,
            platform=platform,
            settings=settings,
            journal=journal,
            clock=clock,
            registry=Registry(outside.http, clock),
            credentials=credentials,
            network=outside.network,
            record=record,
            free_up=change.free_up,
            protect=change.protect,
            known_id=ledger.known_id,
        )
    )
    return DockerParts(
        engine=engine,
        store=store,
        platform=platform,
        credentials=credentials,
        images=images,
        archives=Archives(ArchiveTools(engine, ledger, settings, journal, clock, change.protect)),
        change=change,
        removal=removal,
        watermark=Watermark(images.data_root, change.free_up, settings, journal),
    )
