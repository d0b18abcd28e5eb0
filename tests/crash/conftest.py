"""The crash matrix's image, and the cases that a run plays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kinds import COUNT
from moments import REACHED

if TYPE_CHECKING:
    from collections.abc import Callable

    from crash_scene import Case

    from lab.core import CoreMaker
    from lab.lab import Lab


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Of random cases: how many moments came, since the others were kills at rest."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    words = [dict(one.user_properties).get(REACHED) for one in reports]
    if reached := [word for word in words if word is not None]:
        terminalreporter.write_line(f"cores that died at their moment: {sum(reached)}")
        terminalreporter.write_line(f"cores that died afterwards: {reached.count(False)}")


@pytest.fixture
def counter(lab: Lab) -> None:
    """The image that counts is in its registry."""
    lab.seed("private", "team/counter", "1.0", cmd=("/bin/sh", "-c", COUNT))


@pytest.fixture
def play(lab: Lab, counter: None, make_core: CoreMaker) -> Callable[[Case], bool]:
    """Plays a case on an emptied engine; whether the core died at its moment."""
    from crash_scene import Scene

    def run(case: Case) -> bool:
        lab.reset()
        try:
            return Scene(lab, make_core, case).play()
        finally:
            make_core.end_all()

    return run
