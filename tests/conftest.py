"""Fixtures that tests of all behaviours share: the lab and a running core.

Whatever uses the lab, or a broker, is marked `lab`: `-m "not lab"` leaves exactly those tests out.
The lab's modules are imported when a test first asks for it: unit tests don't need them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from lab.aws import Aws
    from lab.core import Core, CoreMaker
    from lab.lab import Lab

# How long an example takes says more about the machine's load than about the code.
hypothesis.settings.register_profile(
    "greendock",
    hypothesis.settings(),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("greendock")

_lab_notes: set[str] = set()
_FOR_THE_CONTROLLER = "lab_notes"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"lab", "broker"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("lab")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker's notes go to who shows the summary."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output[_FOR_THE_CONTROLLER] = sorted(_lab_notes)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    # A worker that was killed says nothing.
    _lab_notes.update(getattr(node, "workeroutput", {}).get(_FOR_THE_CONTROLLER, ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for note in sorted(_lab_notes):
        terminalreporter.write_line(f"lab: {note}", yellow=True, bold=True)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A private Docker Engine with registries: see `lab/lab.py`."""
    from lab.lab import Lab

    running = Lab.open()
    if not running.bridge_network:
        _lab_notes.add(
            f"NO BRIDGE NETWORK on this machine ({running.namespaces.missing_for_bridge}); "
            "containers of the tests had no network"
        )
    yield running
    running.close()


@pytest.fixture(scope="session")
def aws(lab: Lab) -> Iterator[Aws]:
    """A real S3 API in the lab: see `lab/aws.py`."""
    from lab.aws import Aws

    running = Aws(lab)
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _good_day(request: pytest.FixtureRequest) -> None:
    """Every test of the lab begins without faults and with an engine that runs."""
    if "lab" in request.fixturenames:
        request.getfixturevalue("lab").reset_faults()


@pytest.fixture
def make_core(lab: Lab) -> Iterator[CoreMaker]:
    """Starts cores on an emptied engine: `make_core(config=…, env=…)`; ends them all."""
    from lab.core import CoreMaker

    lab.reset()
    maker = CoreMaker(lab)
    yield maker
    maker.end_all()


@pytest.fixture
def core(make_core: CoreMaker) -> Core:
    """A running core with default settings: see `lab/core.py`."""
    return make_core()
