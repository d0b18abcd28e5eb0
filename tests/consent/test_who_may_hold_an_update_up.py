"""The longest deferral of those that are still there wins; a rejection always does."""

from __future__ import annotations

import pytest

from greendock.deployment.deferral import SHORTEST_PAUSE_S, Deferral, deferring, pause_s
from greendock.deployment.validity import ValidityReport, changed_configurations, rejection
from greendock.lifecycle.model import ComponentSpec


@pytest.mark.parametrize(
    ("present", "answers", "seconds"),
    [
        ("", {}, 0),
        ("a", {}, 0),
        ("a", {"a": 0}, 0),
        ("ab", {"a": 0, "b": 0}, 0),
        ("a", {"a": 1500}, 1.5),
        ("ab", {"a": 1000, "b": 0}, 1),
        ("ab", {"a": 1000, "b": 5000}, 5),
        ("ab", {"a": 5000, "b": 1000}, 5),
        ("abc", {"a": 2000, "c": 3000}, 3),
        ("b", {"a": 5000, "b": 1000}, 1),
        ("b", {"a": 5000, "b": 0}, 0),
        ("", {"a": 5000}, 0),
        ("a", {"a": -1}, 0),
        ("a", {"a": 1}, SHORTEST_PAUSE_S),
        ("a", {"a": 2**53}, 2**53 / 1000),
    ],
)
def test_the_longest_deferral_counts(present: str, answers: dict[str, int], seconds: float):
    given = {name: Deferral(recheck_ms) for name, recheck_ms in answers.items()}
    assert pause_s(deferring(set(present), given)) == seconds


YES, NO = ValidityReport(True, "fine"), ValidityReport(False, "no such port")


@pytest.mark.parametrize(
    ("reports", "texts"),
    [
        ({}, []),
        ({"a": YES}, []),
        ({"a": YES, "b": NO}, ["b rejects its new configuration: no such port"]),
        ({"a": ValidityReport(False)}, ["a rejects its new configuration"]),
        ({"a": NO, "b": NO}, ["a rejects its new", "b rejects its new"]),
    ],
)
def test_one_rejection_is_enough(reports: dict[str, ValidityReport], texts: list[str]):
    error = rejection(reports)
    assert (error is None) is (not texts)
    if error is not None:
        assert error.codes == ("COMPONENT_CONFIGURATION_NOT_VALID",)
        assert [text for text in texts if text not in error.message] == []


def spec(version: str = "1.0.0", built_in: bool = False, **configuration: int) -> ComponentSpec:
    return ComponentSpec("a", version, configuration=configuration, built_in=built_in)


@pytest.mark.parametrize(
    ("before", "after", "is_asked"),
    [
        (spec(x=1), spec(x=2), True),
        (spec(x=1), spec(x=True), True),
        (spec(x=1), spec(), True),
        (spec(x=1), spec(x=1), False),
        (spec(x=1), spec("1.0.1", x=2), False),
        (None, spec(x=2), False),
        (spec(x=1), None, False),
        (spec(x=1, built_in=True), spec(x=2, built_in=True), False),
    ],
    ids=["other", "type", "less", "same", "version", "new", "removed", "core"],
)
def test_who_keeps_its_version_and_gets_another_configuration_is_asked(before, after, is_asked):
    found = changed_configurations({"a": before} if before else {}, {"a": after} if after else {})
    assert found == ({"a": after.configuration} if is_asked else {})
