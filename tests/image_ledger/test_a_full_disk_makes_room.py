"""A disk over its watermark makes images go that nothing needs, and no others."""

from __future__ import annotations

import pytest

from greendock.docker.keeping.watermark import Watermark, is_over

SMALL = "mysql:8.0"


@pytest.mark.parametrize(
    ("free", "total", "percent", "over"),
    [
        (15, 100, 85, False),
        (14, 100, 85, True),
        (0, 100, 100, False),
        (100, 100, 0, False),
        (99, 100, 0, True),
        (0, 0, 85, False),
    ],
)
def test_the_watermark_is_what_is_used(free, total, percent, over):
    assert is_over(free, total, percent) is over


class Percent:
    def __init__(self, percent: float) -> None:
        self.disk_high_watermark_percent = percent


@pytest.mark.parametrize(("percent", "stays"), [(0.0, False), (100.0, True)])
def test_only_a_disk_over_it_is_pruned(household, tmp_path, percent, stays):
    image_id = household.pulled(SMALL)

    async def keep(tools):
        async def root():
            return str(tmp_path)

        mark = Watermark(root, tools.change.free_up, Percent(percent), household.journal)
        return await mark.keep()

    freed = household.run(keep)
    assert (household.id_of(image_id) is not None, freed == 0) == (stays, stays)
    assert ("docker-disk-watermark" in household.journal.events()) is not stays


def test_an_engine_elsewhere_is_left_alone(household):
    image_id = household.pulled(SMALL)

    async def keep(tools):
        async def unknown():
            return None

        return await Watermark(
            unknown, tools.change.free_up, Percent(0.0), household.journal
        ).keep()

    assert household.run(keep) == 0
    assert household.id_of(SMALL) == image_id
