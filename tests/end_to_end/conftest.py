"""Cores for tests of component lifecycles: a real process in the lab, its real command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from device import Device

if TYPE_CHECKING:
    from lab.core import Core, CoreMaker
    from lab.lab import Lab

# Errors are retried soon: their number is the rule that is tested, the wait has unit tests.
SOON = {"greendock": {"restart": {"backoffSeconds": 0.02, "maxBackoffSeconds": 0.1}}}


@pytest.fixture(scope="module")
def core_config() -> dict[str, Any]:
    """The init-config of the module's core; a module may have its own."""
    return SOON


@pytest.fixture(scope="module")
def shared_core(lab: Lab, core_config: dict[str, Any]) -> Iterator[Core]:
    """One core for the tests of a module."""
    from lab.core import CoreMaker

    lab.reset()
    maker = CoreMaker(lab)
    try:
        yield maker(core_config)
    finally:
        maker.end_all()


@pytest.fixture
def device(shared_core: Core) -> Iterator[Device]:
    """The module's core with nothing deployed; whatever the test deploys is removed after it."""
    device = Device(shared_core)
    yield device
    device.remove_all()


@pytest.fixture
def make_device(make_core: CoreMaker) -> Callable[..., Device]:
    """A core of the test's own, with the arguments of `make_core`: `make_device(config=…)`."""

    def make(config: dict[str, Any] | None = None, **more: Any) -> Device:
        return Device(make_core({**SOON, **(config or {})}, **more))

    return make
