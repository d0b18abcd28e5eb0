"""Sockets and sessions that nobody closed fail the test that left them."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    yield
    gc.collect()  # what is not closed warns when it is collected
