"""Versions and npm-style ranges as recipes write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.base.versions import Version, range_error, satisfies

TABLE = [
    ("1.0.0", "1.0.0", True), ("1.0.1", "1.0.0", False), ("1.0.0", "=1.0.0", True),
    ("1.0.0", "==1.0.0", True), ("1.0.0", "v1.0.0", True), ("1.9.9", "1", True),
    ("2.0.0", "1.x", False), ("1.2.9", "1.2", True), ("1.3.0", "1.2.x", False),
    ("0.0.1", "*", True), ("1.0.0-rc.1", "*", True), ("1.0.0-rc.1", "latest", True),
    ("1.9.0", "~1", True), ("1.3.0", "~1.2", False), ("1.2.9", "~>1.2.3", True),
    ("1.9.9", "^1.2.3", True), ("0.3.0", "^0.2.3", False), ("0.0.4", "^0.0.3", False),
    ("0.0.9", "^0.0", True), ("1.2.0", ">=1.2", True), ("1.2.1", ">1.2", False),
    ("2.0.0", "<2", False), ("1.5.0", ">=1.0.0 <2.0.0", True), ("2.0.0", "1.0.0 - 2.0.0", True),
    ("2.9.0", "1.0 - 2", True), ("3.0.0", "^1 || ^3", True), ("2.0.0", "^1||^3", False),
    ("1.5.0", "(>=1.0.0 <2.0.0) || (>=3.0.0)", True), ("1.0.0-beta", ">=0.9.0", False),
    ("1.0.0+build.5", "1.0.0", True),
]  # fmt: skip


@pytest.mark.parametrize(("version", "wanted", "expected"), TABLE)
def test_a_version_lies_in_a_range(version: str, wanted: str, expected: bool) -> None:
    assert satisfies(version, wanted) is expected


@pytest.mark.parametrize(
    "wanted", ["foo", "1.0.0, 2.0.0", ">=", "(1 || 2) <3", ">=1 (2 || 3) || 4", "1.0.0)", "[1,2)"]
)
def test_text_that_is_no_range_says_so(wanted: str) -> None:
    assert range_error(wanted)


@pytest.mark.parametrize("text", ["1.0", "v1.0.0", "1.0.0+", "1.0.0-", "a.b.c", "", "1.0.0.0"])
def test_text_that_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        Version(text)


def test_versions_order_by_precedence() -> None:
    texts = ["1.0.0-2", "1.0.0-10", "1.0.0-a", "1.0.0-a.1", "1.0.0", "1.0.1", "1.10.0", "2.0.0"]
    assert [str(v) for v in sorted(map(Version, reversed(texts)))] == texts


@given(st.text(max_size=40))
def test_no_text_crashes_the_range_check(text: str) -> None:
    assert range_error(text) is None or isinstance(range_error(text), str)
