"""Dependency resolution: finds what there is, explains what there isn't."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendock.base.errors import DeploymentError, ResolutionError
from greendock.base.versions import Version, satisfies
from greendock.deployment.requirements import Requirement
from greendock.deployment.resolver import resolve
from greendock.deployment.search import search
from greendock.recipe.model import Dependency


class Shelf:
    """A catalogue in memory: {"name version": {"dependency": "range"}}."""

    def __init__(self, content: dict[str, dict[str, str]]) -> None:
        self.content = content
        self.looked_at: list[str] = []

    def versions(self, component: str) -> Sequence[str]:
        found = [key.split()[1] for key in self.content if key.split()[0] == component]
        return sorted(found, key=Version, reverse=True)

    def why_unusable(self, component: str, version: str) -> str | None:
        self.looked_at.append(f"{component} {version}")
        return None

    def accepts(self, component: str, version: str, wanted: str) -> bool:
        return satisfies(version, wanted)

    def dependencies(self, component: str, version: str) -> Sequence[Dependency]:
        return [Dependency(n, r) for n, r in self.content[f"{component} {version}"].items()]


def root(name: str, wanted: str = "*") -> Requirement:
    return Requirement(name, wanted, "the local deployment")


def test_takes_the_newest_that_fits_and_puts_dependencies_first() -> None:
    shelf = Shelf(
        {
            "A 1.0.0": {"B": "^1.0.0"},
            "B 1.0.0": {},
            "B 1.5.0": {"C": "*"},
            "B 2.0.0": {},
            "C 3.0.0": {},
        }
    )
    assert list(resolve([root("A")], shelf).items()) == [
        ("C", "3.0.0"),
        ("B", "1.5.0"),
        ("A", "1.0.0"),
    ]


def test_goes_back_to_an_older_version_when_the_newest_cannot_be_met() -> None:
    shelf = Shelf({"A 2.0.0": {"B": "2.0.0"}, "A 1.0.0": {"B": "1.0.0"}, "B 1.0.0": {}})
    assert resolve([root("A")], shelf) == {"B": "1.0.0", "A": "1.0.0"}


def test_ranges_with_alternatives_are_intersected_and_not_joined_as_text() -> None:
    shelf = Shelf(
        {
            "A 1.0.0": {"C": "^1 || ^3"},
            "B 1.0.0": {"C": "1.9.0"},
            "C 1.2.0": {},
            "C 1.9.0": {},
            "C 3.0.0": {},
        }
    )
    assert resolve([root("A"), root("B")], shelf)["C"] == "1.9.0"


def test_a_conflict_names_both_requirements_and_what_excludes_each_version() -> None:
    shelf = Shelf(
        {"A 1.0.0": {"C": "^2.0.0"}, "B 1.0.0": {"C": "<2.0.0"}, "C 1.0.0": {}, "C 2.1.0": {}}
    )
    with pytest.raises(ResolutionError) as caught:
        resolve([root("A"), root("B")], shelf)
    message = caught.value.message
    assert "A 1.0.0 requires C ^2.0.0" in message
    assert "B 1.0.0 requires C <2.0.0" in message
    assert "1.0.0 (excluded by ^2.0.0 of A 1.0.0)" in message
    assert "2.1.0 (excluded by <2.0.0 of B 1.0.0)" in message
    assert caught.value.codes == (
        "NO_AVAILABLE_COMPONENT_VERSION",
        "COMPONENT_VERSION_REQUIREMENTS_NOT_MET",
    )


def test_a_component_without_a_recipe_is_named_with_who_wants_it() -> None:
    with pytest.raises(ResolutionError, match=r"the local deployment requires Nope =1\.0\.0"):
        resolve([root("Nope", "=1.0.0")], Shelf({}))


def test_a_circle_is_refused_with_its_way() -> None:
    shelf = Shelf({"A 1.0.0": {"B": "*"}, "B 1.0.0": {"C": "*"}, "C 1.0.0": {"B": "*"}})
    with pytest.raises(DeploymentError) as caught:
        resolve([root("A")], shelf)
    assert caught.value.codes == ("COMPONENT_CIRCULAR_DEPENDENCY_ERROR",)
    assert "B → C → B" in caught.value.message


def test_a_long_chain_and_a_wide_fan_resolve() -> None:
    content = {f"N{i} 1.0.0": {f"N{i + 1}": "*"} for i in range(300)} | {"N300 1.0.0": {}}
    content["Top 1.0.0"] = {f"N{i}": "^1.0.0" for i in range(0, 300, 3)}
    assert len(resolve([root("Top")], Shelf(content))) == 302


def test_only_versions_that_are_tried_are_looked_at() -> None:
    shelf = Shelf({f"A {n}.0.0": {} for n in range(1, 9)} | {"B 1.0.0": {"A": "<7.0.0"}})
    assert resolve([root("A"), root("B")], shelf)["A"] == "6.0.0"
    assert set(shelf.looked_at) == {"A 8.0.0", "A 6.0.0", "B 1.0.0"}


versions = st.sampled_from(["1.0.0", "1.1.0", "2.0.0", "3.0.0"])
ranges = st.sampled_from(["*", "^1.0.0", ">=1.1.0", "<3.0.0", "2.0.0", "^1 || ^3"])
shelves = st.dictionaries(
    st.tuples(st.sampled_from("ABCD"), versions).map(" ".join),
    st.dictionaries(st.sampled_from("EFGH"), ranges, max_size=3),
    min_size=1,
).map(lambda tops: tops | {f"{name} {v}.0.0": {} for name in "EFGH" for v in (1, 2, 3)})


@given(shelves, st.lists(st.tuples(st.sampled_from("ABCD"), ranges), min_size=1, max_size=4))
def test_what_is_found_meets_every_requirement(
    content: dict[str, dict[str, str]], wanted: list[tuple[str, str]]
) -> None:
    shelf, roots = Shelf(content), [root(name, text) for name, text in wanted]
    try:
        found = resolve(roots, shelf)
    except ResolutionError:
        with pytest.raises(ResolutionError):
            search(roots, shelf)
        return
    assert search(roots, shelf).keys() == found.keys()
    for name, text in wanted:
        assert satisfies(found[name], text)
    for name, version in found.items():
        for needed, text in content[f"{name} {version}"].items():
            assert satisfies(found[needed], text)
