"""A generation that somebody wants to end is dismissed before its scripts are; no other is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from greendock.lifecycle.model import State
from greendock.recipe.model import DependencyType

NAME = "com.example.A"
LIVES = {"run": "exec sleep 1000", "shutdown": "echo down"}


async def stop(core: Any, _spec: Any) -> None:
    core.supervisor.stop(NAME)


async def restart(core: Any, _spec: Any) -> None:
    core.supervisor.restart(NAME)


async def upgrade(core: Any, spec: Any) -> None:
    core.supervisor.update({NAME: spec(NAME, "1.0.1", **LIVES)})


async def remove(core: Any, _spec: Any) -> None:
    await core.supervisor.remove([NAME])


@pytest.mark.parametrize("ask", [stop, restart, upgrade, remove])
def test_whoever_asks_dismisses_first(rig, spec, ask: Callable[[Any, Any], Awaitable[None]]):
    async def run() -> None:
        async with rig() as core:
            await core.deploy(spec(NAME, **LIVES))
            [(_, generation)] = core.tokens.valid
            await ask(core, spec)
            assert core.tokens.dismissed == [NAME]
            assert core.tokens.valid_at_dismissal == [{(NAME, generation)}]
            await core.until(lambda: (NAME, generation) not in core.tokens.valid)

    asyncio.run(run())


def test_a_stopped_core_dismisses_all(rig, spec):
    async def run() -> list[str]:
        async with rig() as core:
            await core.deploy(spec(NAME, **LIVES), spec("com.example.B", **LIVES))
        dismissed: list[str] = core.tokens.dismissed
        return dismissed

    assert sorted(asyncio.run(run())) == [NAME, "com.example.B"]


def test_nobody_is_dismissed_whose_script_ends_by_itself(rig, spec):
    async def run() -> None:
        async with rig() as core:
            await core.deploy(spec(NAME, run="true"))
            await core.until(lambda: core.state(NAME) is State.FINISHED)
            await core.deploy(spec("com.example.B", run="false"))
            await core.until(lambda: core.state("com.example.B") is State.BROKEN)
            assert core.tokens.valid == set()
            assert core.tokens.dismissed == []

    asyncio.run(run())


def test_a_change_that_needs_no_restart_dismisses_nobody(rig, spec):
    async def run() -> None:
        async with rig() as core:
            await core.deploy(spec(NAME, **LIVES))
            soft = {"com.example.Other": DependencyType.SOFT}
            await core.deploy(spec(NAME, dependencies=soft, **LIVES))
            assert core.tokens.dismissed == []
            assert core.tokens.issued == 1

    asyncio.run(run())
