"""Runs scenes of questions to components."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from consent_scene import Scene


@pytest.fixture
def scene() -> Callable[[Callable[[Scene], Coroutine[Any, Any, None]]], None]:
    """Runs a coroutine function on a fresh scene."""

    async def run(play: Callable[[Scene], Coroutine[Any, Any, None]]) -> None:
        async with asyncio.timeout(20):
            await play(Scene())

    return lambda play: asyncio.run(run(play))
