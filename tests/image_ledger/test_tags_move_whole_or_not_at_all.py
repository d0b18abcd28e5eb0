"""A tag means the old image or the new one as the deployment ends, wherever it is cut off."""

from __future__ import annotations

import contextlib

import pytest

from greendock.docker.reference import parse_image

NAME = "registry.lab.test:5443/moving/app:1"


class CutOffError(Exception):
    """The process is gone here."""


class CutStore:
    """The real store until the n-th call."""

    def __init__(self, store, calls):
        self._store = store
        self.left = calls

    def __getattr__(self, name):
        method = getattr(self._store, name)

        async def call(*args):
            if self.left <= 0:
                raise CutOffError
            self.left -= 1
            result = await method(*args)
            if self.left <= 0:
                raise CutOffError
            return result

        return call


@pytest.fixture
def two(household, lab):
    """Ids of an image that the tag means, and of one that it is to mean."""
    lab.seed("private", "moving/app", "1", cmd=("/bin/echo", "one"))
    old = household.pulled(NAME)
    new = lab.seed("private", "moving/app", "2", cmd=("/bin/echo", "two")).id
    assert lab.docker("pull", "-q", NAME[:-1] + "2").returncode == 0
    return old, new


def test_there_and_back(household, two):
    old, new = two

    async def switch(tools):
        await tools.tags.switch([(parse_image(NAME), new)])

    household.run(switch)
    assert household.id_of(NAME) == new
    household.run(lambda tools: tools.tags.switch_back())
    assert household.id_of(NAME) == old
    assert household.ledger.moves() == ()


def test_a_commit_is_the_end_of_it(household, two):
    _, new = two

    async def switch(tools):
        await tools.tags.switch([(parse_image(NAME), new)])
        tools.tags.commit()
        await tools.tags.switch_back()

    household.run(switch)
    assert household.id_of(NAME) == new


@pytest.mark.parametrize("calls", range(6))
def test_cut_off_while_switching_it_goes_back(household, two, calls):
    old, new = two

    async def cut(tools):
        tools.tags._store = CutStore(tools.store, calls)
        await tools.tags.switch([(parse_image(NAME), new)])

    with contextlib.suppress(CutOffError):
        household.run(cut)
    household.run(lambda tools: tools.change.recover())
    assert household.id_of(NAME) == old
    assert household.ledger.moves() == ()


@pytest.mark.parametrize("calls", range(6))
def test_cut_off_while_going_back_it_goes_back_again(household, two, calls):
    old, new = two

    async def cut(tools):
        await tools.tags.switch([(parse_image(NAME), new)])
        tools.tags._store = CutStore(tools.store, calls)
        await tools.tags.switch_back()

    with contextlib.suppress(CutOffError):
        household.run(cut)
    household.run(lambda tools: tools.change.recover())
    assert household.id_of(NAME) == old


def test_a_tag_that_meant_nothing_means_nothing_again(household, two):
    _, new = two
    name = "registry.lab.test:5443/moving/other:1"

    async def there_and_back(tools):
        await tools.tags.switch([(parse_image(name), new)])
        await tools.tags.switch_back()

    household.run(there_and_back)
    assert household.id_of(name) is None
    assert household.id_of(new) == new
