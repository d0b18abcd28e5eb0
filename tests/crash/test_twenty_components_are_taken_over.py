"""Twenty components with containers of all kinds, and the end of the core or of the engine."""

from __future__ import annotations

import itertools
import re
import signal
from collections.abc import Callable

import pytest
from inventory import Container, Expectation, containers, settled_and_exact, wait_noted
from kinds import IMAGE, KINDS, Kind

from lab.core import Core
from lab.handshake import is_accepted
from lab.waiting import wait_until

# Which docker-compose is run is the core's environment: one of them in one core.
_HERE = [kind for kind in KINDS if kind.name != "compose-old"]
SUBJECTS: dict[str, Kind] = {
    f"com.example.Subject{number:02}": kind
    for number, kind in zip(range(20), itertools.cycle(_HERE), strict=False)
}
_SETTLE_S = 120.0
_LIVE = {"live-restore": True}
_LINE = re.compile(r"\b([0-9a-f]{12}) line (\d+)\.")


class Fleet:
    """A core with the twenty components, all running, beside a container of nobody."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.lab = core.lab
        pulled = self.lab.docker("pull", IMAGE)
        assert pulled.returncode == 0, pulled.stderr
        started = self.lab.docker("run", "--detach", "--restart", "always", IMAGE)
        assert started.returncode == 0, started.stderr
        self.others = frozenset(one.id for one in containers(self.lab))
        self.expectation = Expectation(SUBJECTS, self.others)
        folder = core.root / "incoming"
        for name, kind in SUBJECTS.items():
            kind.component(name).write(folder)
        core.deploy(folder)

    def settled(self) -> dict[str, Container]:
        """The components' containers by id, once exactly those exist that should."""
        found = settled_and_exact(self.core, self.expectation, _SETTLE_S)
        return {one.id: one for one in found if one.id not in self.others}

    def wait_noted(self) -> None:
        wait_noted(self.core, self.expectation)

    def numbers(self) -> dict[str, list[int]]:
        """The numbers of the lines in the components' logs, by container's short id."""
        found: dict[str, list[int]] = {}
        for name in SUBJECTS:
            for container, number in _LINE.findall(self.core.log(name)):
                found.setdefault(container, []).append(int(number))
        return found

    def assert_kept(self, kept: dict[str, Container], after: dict[str, Container]) -> None:
        """They are there, and were not started anew."""
        now = starts(after)
        lost = [one for id_, one in kept.items() if now.get(id_) != starts(kept)[id_]]
        logs = [
            line
            for name in {one.component for one in lost}
            for line in self.core.log(name).splitlines()
            if not _LINE.search(line)
        ]
        assert not lost, "\n".join((*map(str, lost), *logs, self.core.tail()))

    def assert_told_once(self, found: dict[str, Container]) -> None:
        """The log goes on for these containers, and has each of their lines: none is missing,
        none there twice."""
        last = {one: max(numbers) for one, numbers in self.numbers().items()}

        def silent() -> list[str]:
            now = self.numbers()
            return [
                str(x)
                for one, x in found.items()
                if max(now.get(one[:12], [0])) <= last.get(one[:12], 0)
            ]

        wait_until(lambda: not silent(), lambda: f"the log goes on for {silent()}", 30)
        numbers = self.numbers()
        faults = [
            f"{found[one]}: {numbers[one[:12]]}"
            for one in found
            if numbers[one[:12]] != self.engine_has(one)[: len(numbers[one[:12]])]
        ]
        assert not faults, "\n".join(faults)

    def engine_has(self, container_id: str) -> list[int]:
        """The numbers in the engine's own log. Docker 20.10 may lose a line that is printed while
        it restarts with `live-restore`."""
        printed = self.lab.docker("logs", container_id).stdout
        return [int(number) for number in re.findall(r" line (\d+)\.$", printed, re.MULTILINE)]


def those(found: dict[str, Container], fits: Callable[[Kind], bool]) -> dict[str, Container]:
    """The containers of the kinds that fit."""
    kinds = {part: kind for name, kind in SUBJECTS.items() for part in kind.parts_of(name)}
    return {one.id: one for one in found.values() if fits(kinds[one.part])}


def starts(found: dict[str, Container]) -> dict[str, str]:
    return {one.id: f"{one.part} {one.started_at}" for one in found.values()}


@pytest.fixture
def fleet(make_core, counter) -> Fleet:
    return Fleet(make_core())


def test_a_killed_core_takes_over_what_it_can(fleet):
    before = fleet.settled()
    fleet.wait_noted()
    fleet.core.kill()
    fleet.core.start()
    after = fleet.settled()
    kept = those(before, lambda kind: kind.is_adoptable)
    fleet.assert_kept(kept, after)
    assert not (before.keys() - kept.keys()) & after.keys()
    fleet.assert_told_once(kept)
    refused = [
        str(one)
        for one in after.values()
        if not is_accepted(fleet.core.root / "ipc.socket", one.token)
    ]
    assert not refused
    assert fleet.core.stop() == 0, fleet.core.tail()
    assert {one.id for one in containers(fleet.lab)} == fleet.others


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_an_engine_that_leaves_containers_alive_gets_them_back(lab, make_core, counter, end):
    """With `live-restore`, nothing but the engine is away for a moment."""
    lab.stop_engine()
    lab.start_engine(_LIVE)
    fleet = Fleet(make_core())
    before = fleet.settled()
    fleet.wait_noted()
    lab.stop_engine(end)
    lab.start_engine(_LIVE)
    after = fleet.settled()
    kept = those(before, lambda kind: kind.is_adoptable and kind.outlives_engine)
    fleet.assert_kept(kept, after)
    fleet.assert_told_once(kept)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_an_engine_that_ends_all_containers_has_them_all_again(fleet, end):
    before = fleet.settled()
    fleet.lab.restart_engine(end)
    after = fleet.settled()
    assert len(after) == len(before)
