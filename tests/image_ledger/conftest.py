"""An engine with a ledger: pulls are noted, images removed, tags moved, as in a core."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from greendock.base.clock import SystemClock
from greendock.base.database import Database
from greendock.docker.engine.client import Engine
from greendock.docker.engine.image_store import ImageStore
from greendock.docker.keeping.archives import Archives, ArchiveTools
from greendock.docker.keeping.image_change import ImageChange
from greendock.docker.keeping.image_record import LedgerRecord
from greendock.docker.keeping.image_removal import ImageRemoval
from greendock.docker.keeping.ledger import ImageLedger
from greendock.docker.keeping.tag_switch import TagSwitch
from greendock.docker.model import RegistryAccount
from greendock.docker.pull_policy import PullPolicy

if TYPE_CHECKING:
    from lab.lab import Lab


@dataclass
class Journal:
    """A log that keeps what is written."""

    written: list[tuple[str, str]] = field(default_factory=list)

    def write(self, level: str, event: str, message: str, **contexts: str) -> None:
        self.written.append((event, message))

    def events(self) -> list[str]:
        return [event for event, _ in self.written]


@dataclass
class Settings:
    engine_wait_s: float = 30
    max_concurrent_pulls: int = 3
    pull_deadline_s: float = 60
    pull_stall_s: float = 30
    disk_margin_bytes: int = 0
    disk_high_watermark_percent: float = 100
    registry_accounts: dict[str, RegistryAccount] = field(default_factory=dict)

    def pull_policy(self, component: str) -> PullPolicy:
        return PullPolicy.AS_DOCUMENTED


@dataclass
class Tools:
    """The rooms for one run."""

    engine: Engine
    store: ImageStore
    tags: TagSwitch
    removal: ImageRemoval
    change: ImageChange
    archives: Archives


class Household:
    """The engine of the lab and one ledger that outlives the runs."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.database = Database(":memory:")
        self.ledger = ImageLedger(self.database, SystemClock())
        self.journal = Journal()
        self.record = LedgerRecord(self.ledger)

    def run(self, action: Callable[[Tools], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            engine = Engine.from_environment(self.lab.docker_host, {})
            store = ImageStore(engine)
            tags = TagSwitch(store, self.ledger, self.journal)
            removal = ImageRemoval(store, self.ledger, self.record, self.journal)
            change = ImageChange(self.ledger, tags, removal, self.journal)
            archives = Archives(
                ArchiveTools(
                    engine,
                    self.ledger,
                    Settings(),
                    self.journal,
                    SystemClock(),
                    change.protect,
                )
            )
            try:
                async with asyncio.timeout(100):
                    return await action(Tools(engine, store, tags, removal, change, archives))
            finally:
                await engine.close()

        return asyncio.run(whole())

    def pulled(self, name: str) -> str:
        """Have the engine pull `name`, noted as ours; the image's id."""
        from greendock.docker.reference import parse_image

        canonical = parse_image(name).canonical
        self.ledger.intend(canonical, None, "pulled")
        result = self.lab.docker("pull", "-q", name)
        assert result.returncode == 0, result.stderr
        image_id = self.id_of(name)
        assert image_id is not None
        self.ledger.arrived(canonical, image_id, 1000)
        return image_id

    def id_of(self, name: str) -> str | None:
        """What a name means at the engine; None: nothing."""
        result = self.lab.docker("image", "inspect", "--format", "{{.Id}}", name)
        return result.stdout.strip() if result.returncode == 0 else None

    def prune(self, **options: Any) -> Any:
        return self.run(lambda tools: tools.change.prune(**options))


@pytest.fixture
def household(lab: Lab) -> Household:
    """An engine without images, and an empty ledger."""
    lab.reset()
    return Household(lab)
