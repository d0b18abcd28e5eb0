"""Whenever a core dies: exactly the containers that should exist do, once it is back.

A sample of the crash matrix; `make crash` plays many more of its cases (random_cases.py).
"""

from __future__ import annotations

import pytest
from crash_scene import Case
from moments import Action, Moment

SAMPLE = [
    Case("foreground-rm", Moment(Action.UPGRADE, "end")),
    Case("foreground", Moment(Action.DEPLOY, "event:create:1")),
    Case("detached-startup", Moment(Action.RESTART, "event:die:1")),
    Case("restart-always", Moment(Action.DEPLOY, "end")),
    Case("compose-new", Moment(Action.DEPLOY, "event:start:1")),
    Case("loop", Moment(Action.DEPLOY, "end")),
    Case("or", Moment(Action.UPGRADE, "event:die:1")),
    Case("compose-detached", Moment(Action.PULL, "registry:2")),
    Case("port", Moment(Action.REMOVE, "event:die:1")),
]


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_a_sample(play, case):
    play(case)
