"""Random cases of the crash matrix, for `make crash`: not collected unless it is named.

`GREENDOCK_CRASHES`: how many; `GREENDOCK_CRASH_SEED`: which. The same seed gives the same cases as
long as kinds, moments and crash points are the same.
"""

from __future__ import annotations

import os
import random

import pytest
from crash_scene import Case
from kinds import KINDS
from moments import REACHED, all_moments

COUNT = int(os.environ.get("GREENDOCK_CRASHES", "200"))
SEED = int(os.environ["GREENDOCK_CRASH_SEED"])


def cases() -> list[Case]:
    choose = random.Random(SEED)
    moments = all_moments()
    return [Case(choose.choice(KINDS).name, choose.choice(moments)) for _ in range(COUNT)]


@pytest.mark.parametrize(
    "case", [pytest.param(x, id=f"{n}-{x}") for n, x in enumerate(cases(), 1)]
)
def test_random_moments(play, case, record_property):
    record_property(REACHED, play(case))
