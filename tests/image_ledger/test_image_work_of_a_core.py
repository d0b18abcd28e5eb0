"""What the core itself notes of images, without any engine."""

from __future__ import annotations

import asyncio

import pytest

from greendock.base.clock import SystemClock
from greendock.base.database import Database
from greendock.base.errors import DeviceError
from greendock.config.device_file import DeviceConfiguration
from greendock.daemon.core_settings import CoreSettings
from greendock.daemon.docker_work import DockerWork
from greendock.deployment.device_state import DeviceState
from greendock.docker.keeping.ledger import ImageLedger, TagMove
from greendock.docker.reference import parse_image
from greendock.ipc.ports import BundledImageName

DIGEST = "sha256:" + "a" * 64


class Journal:
    def __init__(self) -> None:
        self.events: list[str] = []

    def write(self, level: str, event: str, message: str, **contexts: str) -> None:
        self.events.append(event)


@pytest.fixture
def database():
    database = Database(":memory:")
    yield database
    database.close()


@pytest.fixture
def ledger(database):
    return ImageLedger(database, SystemClock())


@pytest.fixture
def work(ledger):
    return DockerWork(
        CoreSettings(DeviceConfiguration("core-1", {}, {}, {}), DeviceState()),
        Journal(),
        ledger,
        SystemClock(),
    )


@pytest.mark.parametrize("is_loaded", [True, False])
def test_an_image_of_a_bundle_is_ours_only_where_the_bundle_brought_it(work, ledger, is_loaded):
    work.register([BundledImageName("docker:web@x", "web", "sha256:1", DIGEST, is_loaded)])
    assert [x.image_id for x in ledger.view().brought] == (["sha256:1"] if is_loaded else [])
    assert ledger.known_id(parse_image(f"web@{DIGEST}")) == "sha256:1"


def test_tags_of_a_committed_deployment_stay_though_no_engine_answers(work, ledger):
    ledger.note_moves([TagMove("docker.io/library/a:1", "sha256:1", "sha256:2")])
    asyncio.run(work.recover(committed=True))
    assert ledger.moves() == ()


def test_settling_raises_nothing(work, database):
    database.close()
    with pytest.raises(DeviceError):
        work.image_ids("a", "1.0.0")
    [warning] = asyncio.run(work.settle([], clean_up=True))
    assert "could not be tidied up" in warning
