"""The moments at which a core is killed: while something is done, at a trigger.

Triggers: `point:NAME[:N]`, a named place in the core's code, reached for the n-th time in that
life; `event:ACTION:N`, the n-th such event of a container since the action began, seen from
outside; `registry:N`, the n-th request to the image's registry since then; `log:N`, the n-th line
of the core's log since then; `end`, when the action is over and everything runs. Points are read
from the source, so that a new one is in the table at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

REACHED = "died at its moment"
"""What a test of random cases notes: whether it did."""
_SOURCE = Path(__file__).resolve().parents[2] / "src" / "greendock"
_POINT = re.compile(r'crash_point\(\s*"([^"]+)"\s*\)')


class Action(StrEnum):
    """What is done when the core dies. START is a start of the core with the component deployed,
    after a kill; the others are what the command line asks for. PULL is a DEPLOY to an engine that
    has not the image yet. TRAFFIC has another component ask the engine all the time."""

    DEPLOY = "deploy"
    PULL = "pull"
    START = "start"
    RESTART = "restart"
    STOP = "stop"
    UPGRADE = "upgrade"
    REMOVE = "remove"
    TRAFFIC = "traffic"


@dataclass(frozen=True)
class Moment:
    action: Action
    trigger: str

    @property
    def name(self) -> str:
        return f"{self.action}-{self.trigger}"


def crash_points() -> list[str]:
    """Every named place in the core's code."""
    texts = (path.read_text() for path in _SOURCE.rglob("*.py"))
    return sorted({name for text in texts for name in _POINT.findall(text)})


_OUTSIDE = {
    Action.DEPLOY: ("event:create:1", "event:start:1", "log:1", "log:4", "log:8", "log:12", "end"),
    Action.PULL: ("registry:1", "registry:2", "registry:4", "event:create:1", "log:6", "end"),
    Action.START: ("event:die:1", "event:create:1", "log:1", "log:3", "log:6", "end"),
    Action.RESTART: (
        "event:kill:1",
        "event:die:1",
        "event:destroy:1",
        "event:create:1",
        "event:start:1",
        "log:2",
        "end",
    ),
    Action.STOP: ("event:kill:1", "event:die:1", "event:destroy:1", "log:1", "end"),
    Action.UPGRADE: (
        "event:die:1",
        "event:destroy:1",
        "event:create:1",
        "event:start:1",
        "log:3",
        "log:9",
        "end",
    ),
    Action.REMOVE: ("event:die:1", "event:destroy:1", "log:2", "log:6", "end"),
    Action.TRAFFIC: ("event:exec_create:2", "event:exec_die:3", "log:2", "end"),
}
_COUNTS = (1, 2, 3)


def outside() -> list[Moment]:
    """Moments that are seen from outside the core."""
    return [Moment(action, trigger) for action, list_ in _OUTSIDE.items() for trigger in list_]


def inside() -> list[Moment]:
    """Named places, in each action."""
    return [
        Moment(action, f"point:{name}:{count}")
        for action in Action
        for name in crash_points()
        for count in _COUNTS
    ]


def all_moments() -> list[Moment]:
    return outside() + inside()
