"""One case of the crash matrix: a core is killed at a moment, started again, and judged.

What must hold afterwards: exactly the containers of what is deployed exist and run, none twice;
what was running before and still exists was not touched; nobody's container never was; and the
end of the core leaves nothing.
"""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine_events import EngineEvents, Event
from inventory import Container, Expectation, containers, settled_and_exact, wait_noted
from kinds import BY_NAME, IMAGE, Kind, environment
from moments import Action, Moment

from greendock.base.crash_points import VARIABLE
from lab.core import Core, CoreMaker
from lab.lab import Lab
from lab.waiting import wait_until

NAME = "com.example.Subject"
TRAFFIC_NAME = "com.example.Traffic"
_NOBODYS, _NOBODYS_IMAGE = "nobodys", "mysql:8.0"
_FRESH = frozenset({Action.DEPLOY, Action.PULL})
"""Actions that begin on a core with nothing deployed."""
_DEATH_S = 40.0
_BACK_OFF = {"greendock": {"restart": {"backoffSeconds": 0.02, "maxBackoffSeconds": 0.1}}}
_TRAFFIC = Kind(
    "traffic",
    {
        "run": f"docker run --detach --name NAME {IMAGE}\n"
        "while docker exec NAME true; do docker ps >/dev/null; docker logs NAME >/dev/null; done"
    },
    is_adoptable=False,
)


@dataclass(frozen=True)
class Case:
    kind: str
    moment: Moment

    def __str__(self) -> str:
        return f"{self.kind}-{self.moment.name}"


class Scene:
    """A lab with an empty engine, one core in it that isn't started, and nobody's container."""

    def __init__(self, lab: Lab, make_core: CoreMaker, case: Case) -> None:
        self.lab = lab
        self.case = case
        self.kind = BY_NAME[case.kind]
        env = environment(self.kind, lab.compose, lab.env["PATH"])
        self.core = make_core(_BACK_OFF, env, started=False)
        if case.moment.action is not Action.PULL:
            pulled = lab.docker("pull", IMAGE)
            assert pulled.returncode == 0, pulled.stderr
        started = lab.docker("run", "--detach", "--name", _NOBODYS, _NOBODYS_IMAGE)
        assert started.returncode == 0, started.stderr
        self.others = containers(lab)
        kinds = {NAME: self.kind}
        if case.moment.action is Action.TRAFFIC:
            kinds[TRAFFIC_NAME] = _TRAFFIC
        self.expectation = Expectation(kinds, frozenset(one.id for one in self.others))

    def play(self) -> bool:
        """The whole case; whether the core died of the moment, and not afterwards."""
        if self.case.moment.action not in _FRESH:
            self.core.start()
            self.deploy("1.0.0")
            self.settled()
        before, reached = self._die()
        events = EngineEvents(self.lab.socket)
        try:
            self.core.start()
            after = self.settled()
        finally:
            events.close()
        self._assert_untouched(before, after, events)
        assert self.core.stop() == 0, self.core.tail()
        assert containers(self.lab) == self.others
        return reached

    def settled(self) -> list[Container]:
        return settled_and_exact(self.core, self.expectation)

    def deploy(self, version: str) -> subprocess.CompletedProcess[str]:
        folder = self.core.root / "incoming" / version
        for name, kind in self.expectation.kinds.items():
            kind.component(name, version).write(folder)
        return self.core.cli("deploy", folder)

    # -- the moment

    def _die(self) -> tuple[list[Container], bool]:
        """Act and be killed. What there was then, and whether it was at the moment."""
        kind, _, rest = self.case.moment.trigger.partition(":")
        is_armed = kind == "point"
        if self.core.running and (is_armed or self.case.moment.action is Action.START):
            self.core.kill()
        watch = _Watch(self.core, self.lab, kind, rest)
        actor = threading.Thread(target=lambda: self._act({VARIABLE: rest} if is_armed else {}))
        actor.start()
        wait_until(
            lambda: not actor.is_alive() or watch.fired,
            lambda: f"{self.case}: the action ends\n{self.core.tail()}",
            _DEATH_S,
        )
        reached = kind == "end" or watch.fired or not self.core.running
        if not reached or kind == "end":
            try:
                self._at_rest()
            except AssertionError:
                # The trigger came after the action, and ended the core in this wait.
                if not watch.fired and self.core.running:
                    raise
                reached = True
        if self.core.running:
            self.core.kill()
        actor.join(_DEATH_S)
        assert not actor.is_alive(), f"{self.case}: the action does not end"
        watch.close()
        return containers(self.lab), reached

    def _act(self, env: dict[str, str]) -> None:
        """Do what the moment's action is; whatever becomes of it, since the core dies."""
        actions: dict[Action, Callable[[], object]] = {
            Action.DEPLOY: lambda: self.deploy("1.0.0"),
            Action.PULL: lambda: self.deploy("1.0.0"),
            Action.START: lambda: None,
            Action.RESTART: lambda: self.core.cli("component", "restart", "--names", NAME),
            Action.STOP: lambda: self.core.cli("component", "stop", "--names", NAME),
            Action.UPGRADE: lambda: self.deploy("1.1.0"),
            Action.REMOVE: lambda: self.core.cli(
                "deployment", "create", "--remove", NAME, "--wait"
            ),
            Action.TRAFFIC: lambda: None,
        }
        if not self.core.running:
            with contextlib.suppress(AssertionError):
                self.core.start(env)
        if self.core.running:
            actions[self.case.moment.action]()

    def _at_rest(self) -> None:
        """Everything that the action began is over; after a stop nothing runs."""
        if self.case.moment.action is Action.STOP:
            self.core.wait_state(NAME, ["FINISHED"])
        else:
            self.settled()
            if self._must_be_adopted:
                wait_noted(self.core, self.expectation)

    # -- the judgement

    def _assert_untouched(
        self, before: list[Container], after: list[Container], events: EngineEvents
    ) -> None:
        story = f"{self.case}\n{_lines('before', before)}\n{_lines('after', after)}"
        kept = {one.id: one for one in before if one.is_running}
        for one in after:
            if one.id in kept:
                assert one.started_at == kept[one.id].started_at, (
                    f"{one} was started anew: {story}"
                )
            made = events.of("create", one.part)
            assert len(made) == (one.id not in kept), f"{one} was made {len(made)} times: {story}"
        if self._must_be_adopted:
            own = [one.id for one in before if one.id not in self.expectation.others]
            assert set(own) <= {one.id for one in after}, f"not taken over: {story}"

    @property
    def _must_be_adopted(self) -> bool:
        """Everything ran, and nothing was asked for, when the core died."""
        moment = self.case.moment
        quiet = {*_FRESH, Action.START, Action.RESTART, Action.UPGRADE}
        return self.kind.is_adoptable and moment.trigger == "end" and moment.action in quiet


class _Watch:
    """Kills the core when the trigger is there. `fired`: it was."""

    def __init__(self, core: Core, lab: Lab, kind: str, rest: str) -> None:
        self._core = core
        self._is_over = threading.Event()
        self._fired = threading.Event()
        self._events: EngineEvents | None = None
        self._follower: threading.Thread | None = None
        if kind == "event":
            self._action, _, count = rest.partition(":")
            self._left = int(count)
            self._events = EngineEvents(lab.socket, self._heard)
        elif kind in ("log", "registry"):
            path = core.root / "logs" / "greengrass.log"
            counts: dict[str, Callable[[], int]] = {
                "log": lambda: _line_count(path),
                "registry": lambda: len(lab.requests("private")),
            }
            self._follower = threading.Thread(target=self._follow, args=(counts[kind], int(rest)))
            self._follower.start()

    @property
    def fired(self) -> bool:
        return self._fired.is_set()

    def close(self) -> None:
        self._is_over.set()
        if self._events is not None:
            self._events.close()
        if self._follower is not None:
            self._follower.join()

    def _heard(self, event: Event) -> None:
        if event.action == self._action and event.part != _NOBODYS:
            self._left -= 1
            if self._left == 0:
                self._fire()

    def _follow(self, count: Callable[[], int], more: int) -> None:
        end = count() + more
        while not self._is_over.wait(0.002):
            if count() >= end:
                self._fire()
                return

    def _fire(self) -> None:
        self._fired.set()
        with contextlib.suppress(AssertionError):
            self._core.kill()


def _line_count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _lines(title: str, found: list[Container]) -> str:
    return "\n".join((f"--- {title}", *map(str, found)))
