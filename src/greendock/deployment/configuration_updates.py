"""Components' updates of their own configuration: checked, stored, then in force.

Updates that arrive together are stored in one transaction, in their order, on the event loop, so
nothing that a deployment commits can come in between. An update reaches what is committed and
what a deployment tries out, so it stays whichever way that ends. No component restarts.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from greendock.base.errors import DeviceError, GreendockError, UsageError
from greendock.config.own_update import OwnUpdate, require_acceptable, updated_by
from greendock.config.settings import own_archives, own_pull_policy
from greendock.config.tree import Node, to_plain
from greendock.deployment.chosen import Surroundings
from greendock.deployment.current import Current
from greendock.deployment.device_state import DeviceState, DeviceStateStore
from greendock.deployment.live import Live, running_specs
from greendock.deployment.ports import Runner
from greendock.deployment.reconfigured import reconfigured

MOST_WAITING = 64
"""Updates of one component: they are held in memory until their turn."""
_LONGEST_TURN_S = 0.05


@dataclass(frozen=True, slots=True)
class _Asked:
    component: str
    update: OwnUpdate
    answer: asyncio.Future[bool]


@dataclass(frozen=True, slots=True)
class _Draft:
    """What is going to be committed and tried out once it is stored."""

    now: Current
    tried: Current | None


class ConfigurationUpdates:
    """`surroundings` gives what planning needs to know of this core, for a state."""

    def __init__(
        self,
        live: Live,
        states: DeviceStateStore,
        runner: Runner,
        surroundings: Callable[[DeviceState], Surroundings],
    ) -> None:
        self._live = live
        self._states = states
        self._runner = runner
        self._surroundings = surroundings
        self._asked: deque[_Asked] = deque()
        self._turn: asyncio.TimerHandle | None = None
        self._next_turn_at = 0.0

    async def update(self, component: str, update: OwnUpdate) -> bool:
        """Returns once it is durable; False when a newer value stood in its way.

        Raises UsageError (not acceptable, not deployed) and DeviceError (it can't be stored);
        nothing has changed then.
        """
        require_acceptable(update)
        await self._live.begun.wait()
        loop = asyncio.get_running_loop()
        self._require_room(component)
        asked = _Asked(component, update, loop.create_future())
        self._asked.append(asked)
        if self._turn is None:
            self._turn = loop.call_at(self._next_turn_at, self._take_turn, loop)
        return await asked.answer

    def _require_room(self, component: str) -> None:
        if sum(one.component == component for one in self._asked) >= MOST_WAITING:
            raise DeviceError(
                f"cannot update the configuration of {component}: {MOST_WAITING} of its updates "
                "are waiting",
                codes=("CONFLICTED_REQUEST",),
                hint="wait for their answers first",
            )

    def _take_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Carry out what waits, for a while; then others have the loop for as long."""
        began = loop.time()
        old = draft = _Draft(self._live.now, self._live.tried)
        taken: list[tuple[_Asked, bool]] = []
        while self._asked and loop.time() - began < _LONGEST_TURN_S:
            one = self._asked.popleft()
            if one.answer.done():
                continue
            try:
                draft, is_newest = self._applied(draft, one)
            except Exception as error:
                one.answer.set_exception(error)
            else:
                taken.append((one, is_newest))
        self._answer(taken, old, draft)
        self._next_turn_at = 2 * loop.time() - began
        again = loop.call_at(self._next_turn_at, self._take_turn, loop) if self._asked else None
        self._turn = again

    def _answer(self, taken: list[tuple[_Asked, bool]], old: _Draft, draft: _Draft) -> None:
        try:
            self._take_up(old, draft)
        except Exception as error:
            for one, _ in taken:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        for one, is_newest in taken:
            if not one.answer.done():  # who heard the news may have ended who asked
                one.answer.set_result(is_newest)

    def _applied(self, draft: _Draft, asked: _Asked) -> tuple[_Draft, bool]:
        """The draft with the update. Its answer is that of what the component runs by."""
        is_newest: bool | None = None
        if draft.tried is not None and asked.component in draft.tried.state.components:
            tried, is_newest = self._updated(draft.tried, asked)
            draft = replace(draft, tried=tried)
        if asked.component in draft.now.state.components:
            now, of_committed = self._updated(draft.now, asked)
            draft = replace(draft, now=now)
            is_newest = of_committed if is_newest is None else is_newest
        if is_newest is None:
            raise UsageError(
                f"cannot update the configuration of {asked.component}: it is not deployed"
            )
        return draft, is_newest

    def _updated(self, current: Current, asked: _Asked) -> tuple[Current, bool]:
        name = asked.component
        surroundings = self._surroundings(current.state)
        if name in surroundings.built_ins:
            raise UsageError(
                f"cannot update the configuration of {name}: it is part of the core",
                hint="a deployment configures it",
            )
        old = current.state.components[name].configuration
        tree, is_newest = updated_by(old, asked.update)
        if tree is old:
            return current, is_newest
        try:
            _require_usable(name, tree)
            return reconfigured(current, {name: tree}, surroundings), is_newest
        except GreendockError as error:
            raise UsageError(
                f"cannot update the configuration of {name}: what is deployed could not be run "
                f"with it: {error.explain()}"
            ) from error

    def _take_up(self, old: _Draft, draft: _Draft) -> None:
        if draft.now is old.now and draft.tried is old.tried:
            return
        self._states.save_configurations(old.now.state, draft.now.state)
        self._live.now, self._live.tried = draft.now, draft.tried
        before = running_specs(old.now, old.tried)
        after = running_specs(draft.now, draft.tried)
        self._runner.note({n: spec for n, spec in after.items() if spec is not before.get(n)})
        self._live.announce()


def _require_usable(name: str, tree: Node) -> None:
    """What the core itself reads in it must not fail the deployments to come."""
    plain = to_plain(tree)
    own_pull_policy(name, plain)
    own_archives(name, plain)
