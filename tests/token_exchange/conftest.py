"""A running token exchange service over plain fakes of the core."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from exchange_scene import CLIENT, DEADLINE_S, OTHER, SERVICE, TOKEN, Core, needs_of

from greendock.lifecycle.model import ComponentSpec
from greendock.token_exchange.service import TokenExchange

Scenario = Callable[[TokenExchange], Awaitable[None]]


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
def serve(core: Core) -> Callable[..., None]:
    """Runs a scenario against a started service: `serve(scenario, port=…)`."""

    def run(scenario: Scenario, **configuration: Any) -> None:
        async def whole() -> None:
            core.settings |= configuration
            service = TokenExchange(needs_of(core))
            try:
                async with asyncio.timeout(DEADLINE_S):
                    await service.start(
                        ComponentSpec(SERVICE, "2.0.3", configuration=core.settings)
                    )
                    await scenario(service)
            finally:
                await service.stop()

        asyncio.run(whole())

    return run


@pytest.fixture(autouse=True)
def _nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> Any:
    """Whatever a test does: no token and no key in any log."""
    caplog.set_level(logging.DEBUG)
    yield
    for secret in (TOKEN, OTHER, CLIENT, "secret-of-the-test", "session-of-the-test"):
        assert secret not in caplog.text
