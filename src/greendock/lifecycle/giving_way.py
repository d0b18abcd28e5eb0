"""Components that a deployment takes away, stopped earlier than the others where one that starts
needs what they hold: a name, a port, a device.

Which component holds what is decided elsewhere. supervisor.py asks, and starts again what was
stopped for nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from greendock.base.clock import Clock
from greendock.lifecycle.bell import Belfry
from greendock.lifecycle.order import with_hard_dependers
from greendock.lifecycle.roster import Roster


class GivingWay:
    """`stop` stops components in order and returns when they are at rest."""

    def __init__(
        self,
        roster: Roster,
        belfry: Belfry,
        clock: Clock,
        stop: Callable[[Iterable[str]], Awaitable[None]],
    ) -> None:
        self._roster = roster
        self._belfry = belfry
        self._clock = clock
        self._stop = stop
        self.leaving: frozenset[str] = frozenset()
        self._stopped: set[str] = set()

    def candidates(self) -> frozenset[str]:
        """See Supervisor.leaving."""
        return frozenset(
            name
            for name, component in self._roster.components.items()
            if component.life is not None and (name in self.leaving or component.is_leaving_life)
        )

    async def ask(self, name: str) -> bool:
        """See Supervisor.give_way."""
        component = self._roster.components.get(name)
        if component is None:
            return True
        if name in self.leaving:
            await self._stop_early(name)
            return True
        life = component.life
        if life is not None and not component.is_leaving_life:
            return False

        def is_gone() -> bool:
            there = self._roster.components.get(name) is component
            return not there or component.life is None or component.life != life

        await self._belfry.until(self._clock, is_gone)
        return True

    async def _stop_early(self, name: str) -> None:
        # Those that stay do not need it any more: they have another specification.
        dependers = with_hard_dependers(self._roster.graph(), [name]) & self.leaving
        names = [one for one in dependers if one in self._roster.components]
        self._stopped.update(names)
        await self._stop(names)

    def take_back(self, name: str) -> bool:
        """Whether it was stopped early; it is to run again."""
        was = name in self._stopped
        self._stopped.discard(name)
        return was
